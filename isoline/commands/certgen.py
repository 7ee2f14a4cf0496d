"""`isoline certgen`."""

from datetime import UTC, datetime
from pathlib import Path

import click

from isoline import flag, output
from isoline.mistake import Mistake


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@flag.flag(
    "--name",
    "names",
    metavar="NAME",
    multiple=True,
    help="A further DNS name or IP address of the xDS servers.",
)
@flag.flag("--namespace", metavar="NAME", default="isoline", help="Where the Service isoline-xds is.")
@flag.flag("--days", type=click.IntRange(1, 3650), default=398, help="How long the certificates last.")
@flag.form()
def command(folder: Path, names: tuple[str, ...], namespace: str, days: int, form: flag.Form) -> None:
    """Make a CA, certificates of xDS servers and Envoys, and CURVE keys of the link, as files in FOLDER.

    A second run renews the certificates in place; the CA and the keys of the link stay. Prints what was
    written.
    """
    from isoline import certgen  # noqa: PLC0415 - not for --help

    try:
        written = certgen.write(folder, now=datetime.now(UTC), names=names, namespace=namespace, days=days)
    except certgen.CertgenError as error:
        raise Mistake(str(error)) from error
    paths = [str(path) for path in written]
    output.result(output.shown(form, paths, lambda: "".join(f"{path}\n" for path in paths)))
