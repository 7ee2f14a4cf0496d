"""`isoline up`."""

from pathlib import Path
from typing import Any

import click

from isoline import flag
from isoline.kubeconfig import Kubeconfig
from isoline.up import start


@click.command()
@click.argument("folder", metavar="[FOLDER]", required=False, type=click.Path(path_type=Path))
@flag.kubeconfig("A cluster, as kubectl would reach it; nothing is written to it.")
@flag.watch_namespace()
@start.flags()
@flag.loopback_endpoints()
@flag.clusters()
@flag.default_certificate()
@flag.enable_external_name()
@flag.flag("--no-envoy", is_flag=True, help="Start no Envoy; others connect to the xDS server.")
@flag.flag(
    "--xds-listen",
    metavar="ADDR",
    help="For further Envoys or clients: unix:/PATH or host:port.  [default: none]",
)
@flag.flag(
    "--xds-tls", metavar="DIR", help="tls.crt, tls.key and ca.crt for mTLS there; required off loopback."
)
def command(folder: Path | None, **flags: Any) -> int:  # noqa: ANN401 - a value for each flag
    """Serve the manifests of FOLDER (*.yaml, *.yml, *.json, subfolders too) by an Envoy on this machine; with
    --kubeconfig what is in a cluster.

    Every change is served at once. Problems and changes are told on stderr; when Envoy answers, stdout
    says `ready http=… https=…`. Ctrl-C ends everything.
    """
    source = Kubeconfig.taken(flags, wanted=flag.of_cluster("folder")) or folder
    assert source is not None  # noqa: S101 - one of the two was given
    return start.start(source, **flags)
