"""The command line of each process, all over unix sockets in the run directory."""

import sys
from pathlib import Path

from isoline.kubeconfig import Kubeconfig
from isoline.up import envoy
from isoline.up.child import Child
from isoline.up.run_dir import RunDir
from isoline.up.settings import Settings


def children(settings: Settings, run_dir: RunDir) -> list[Child]:
    """The three processes, and Envoy unless there is to be none."""
    listens = ["--xds-listen", f"unix:{run_dir.xds}"]
    if settings.xds_listen is not None:
        listens += ["--xds-listen", settings.xds_listen]
    if settings.xds_tls is not None:
        listens += ["--xds-tls", settings.xds_tls]
    flags = {
        "watcher": [*_source(settings.source), "--publish", run_dir.objects],
        "translator": [
            *("--objects", run_dir.objects, "--publish", run_dir.resources),
            *("--rejections", run_dir.rejections, "--clusters", settings.clusters),
            *("--listen", settings.listen, "--loopback-endpoints", settings.loopback_endpoints),
            *(("--ingress-class", ",".join(settings.ingress_class)) if settings.ingress_class else ()),
            *(("--enable-external-name",) if settings.enable_external_name else ()),
            *("--http-port", str(settings.http_port), "--https-port", str(settings.https_port)),
            *("--redirect-port", str(settings.redirect_port)),
            *(
                ["--default-certificate", settings.default_certificate]
                if settings.default_certificate
                else []
            ),
        ],
        "xds-server": ["--resources", run_dir.resources, "--publish", run_dir.rejections, *listens],
    }
    found = [_process(role, words, settings, run_dir) for role, words in flags.items()]
    if settings.envoy is not None:
        command = envoy.command(settings.envoy, run_dir, settings.log_level)
        found.append(Child("envoy", command, stdout=run_dir.access_log, clear=(run_dir.admin,)))
    return found


def _source(source: Path | Kubeconfig) -> list[str]:
    """What the watcher follows. No --statuses: nothing is ever written."""
    if isinstance(source, Path):
        return ["--folder", str(source.absolute())]
    return [
        *("--kubeconfig", str(Path(source.path).absolute())),
        *(("--context", source.context) if source.context else ()),
        *(("--watch-namespace", ",".join(source.namespaces)) if source.namespaces else ()),
    ]


def _process(role: str, flags: list[str], settings: Settings, run_dir: RunDir) -> Child:
    told = ["--probe", f"unix:{run_dir.probe(role)}", "--debug", f"unix:{run_dir.debug(role)}"]
    return Child(
        role,
        [sys.executable, "-m", "isoline", role, *flags, *told, "--log-level", settings.log_level],
    )
