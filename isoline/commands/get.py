"""`isoline get`."""

from pathlib import Path

import click

from isoline import flag, output
from isoline.commands.render import TYPES


@click.command()
@click.argument("type_", metavar="TYPE", type=click.Choice(TYPES))
@click.argument("name", metavar="[NAME]", required=False)
@flag.flag("--xds", metavar="ADDR", required=True, help="The xDS server: unix:/PATH or host:port.")
@flag.flag("--xds-tls", metavar="DIR", help="tls.crt, tls.key and ca.crt for mTLS.")
@flag.form()
def command(type_: str, name: str | None, xds: str, xds_tls: str | None, form: flag.Form) -> int:
    """Ask a running xDS server as an Envoy would: TYPE is one of those of `isoline render`.

    Private keys are shown as <redacted>. Exit code 1 when there is no such resource, 3 when nobody answers.
    """
    from isoline.xds import Xds  # noqa: PLC0415 - not for --help

    with Xds(xds, Path(xds_tls) if xds_tls is not None else None) as server:
        found = server.all(type_) if name is None else server.get(type_, [name])
        withheld = type_ == "secrets" and not server.carries_secrets
    from isoline.rendered import of_type, show  # noqa: PLC0415 - a second of imports

    if withheld:
        output.say("isoline: Secrets are served over unix sockets and mTLS only; this connection is in clear")
    if name is not None and not found:
        output.say(f"isoline: {name}: there are no {type_} of that name")
        return 1
    show({type_: of_type(type_, found)}, form)
    return 0
