"""`isoline bootstrap`."""

from typing import Any, Literal

import click

from isoline import flag, output
from isoline.mistake import Mistake
from runtime.link.address import Address
from runtime.start_error import StartError


@click.command()
@flag.flag("--xds", metavar="ADDR", required=True, help="The xDS server: unix:PATH or host:port.")
@flag.flag("--xds-tls", metavar="DIR", help="tls.crt, tls.key and ca.crt for mTLS, where Envoy finds them.")
@flag.flag(
    "--node-id",
    metavar="ID",
    help="Envoy's name, unlike any other's.  [default: host name and a random part]",
)
@flag.flag(
    "--admin",
    metavar="PATH",
    default="/run/isoline/admin",
    help="Envoy's admin socket, in a folder of its own.",
)
@flag.flag("--listen", metavar="IP", default="0.0.0.0", help="Where /ready and /stats/prometheus are served.")  # noqa: S104
@flag.port("stats", 8002, "The port for that.")
@flag.flag(
    "-o", "--output", "form", type=click.Choice(["json", "yaml"]), default="yaml", help="Envoy reads both."
)
def command(*, xds: str, node_id: str | None, form: Literal["json", "yaml"], **flags: Any) -> None:  # noqa: ANN401
    """Print Envoy's start file: Delta ADS from an xDS server, admin on a unix socket, a stats listener."""
    from isoline.bootstrap import Start, new_node_id, start_file  # noqa: PLC0415 - a second of imports

    if not xds.startswith("unix:/"):
        try:
            Address.parse(f"tcp://{xds}")
        except StartError:
            raise Mistake(f"--xds {xds}: expected unix:/PATH or host:port") from None
    content = start_file(Start(xds=xds, node_id=node_id or new_node_id(), **flags))
    output.result(output.as_json(content) if form == "json" else output.as_yaml(content))
