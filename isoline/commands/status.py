"""`isoline status`."""

from collections.abc import Mapping
from typing import Any

import click

from isoline import flag, output
from isoline.mistake import Mistake

OTHERWISE = "--run-dir DIR, or --debug ADDR of each process"


@click.command()
@flag.flag("--run-dir", metavar="DIR", help="That of a running isoline up.  [default: the only one there is]")
@flag.flag(
    "--debug",
    "addresses",
    metavar="ADDR",
    multiple=True,
    help="A process's --debug: unix:PATH or host:port; may be given several times.",
)
@flag.form()
def command(run_dir: str | None, addresses: tuple[str, ...], form: flag.Form) -> int:
    """Show the processes, and what each Envoy holds, lags behind on, or refuses.

    Exit code 1 when a process is not synced or an Envoy refuses something, 3 when a process does not answer.
    """
    from isoline.status import status  # noqa: PLC0415 - not for --help
    from isoline.table import columns  # noqa: PLC0415

    if flag.only_one("run_dir", "addresses") == "run_dir":
        addresses = ()
    found = status([(role, address, _page(address)) for role, address in _processes(run_dir, addresses)])

    def text() -> str:
        processes, envoys = found.rows()
        lines = columns(processes) + ["", *columns(envoys)] * (len(envoys) > 1)
        return "".join(f"{line}\n" for line in lines)

    output.result(output.shown(form, found.as_json(), text))
    return found.exit_code


def _processes(run_dir: str | None, addresses: tuple[str, ...]) -> list[tuple[str, str]]:
    """Role, empty where it is not known, and address of each."""
    if addresses:
        return [("", address) for address in addresses]
    from isoline.running import run_dir as running  # noqa: PLC0415
    from isoline.up.run_dir import ROLES  # noqa: PLC0415

    found = running(run_dir, OTHERWISE)
    return [(role, f"unix:{found.debug(role)}") for role in ROLES]


def _page(address: str) -> Mapping[str, Any] | None:
    """What a debug page says; None when nobody answers. Raises Mistake for what is no address."""
    from isoline.debug import page  # noqa: PLC0415 - not for --help

    try:
        return page(address)
    except ValueError as error:
        raise Mistake(f"--debug {address}: {error}") from None
    except OSError:
        return None
