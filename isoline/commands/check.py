"""`isoline check`."""

from typing import TYPE_CHECKING, Any

import click

from isoline import flag, output
from isoline.kubeconfig import Kubeconfig

if TYPE_CHECKING:
    from isoline.objects import Objects


@click.command()
@click.argument("paths", metavar="[PATH...]", nargs=-1, type=click.Path())
@flag.cluster()
@flag.form()
@flag.meaning()
def command(paths: tuple[str, ...], form: flag.Form, **meaning: Any) -> int:  # noqa: ANN401 - the flags of meaning
    """Say what is wrong in manifests (files, folders, or - for stdin), or in a cluster.

    One line a problem; exit code 1 when one of them is an error, 0 when there are none or warnings alone.
    """
    cluster = Kubeconfig.taken(meaning, wanted=flag.of_cluster("paths"))
    from isoline import external_names, manifests, translation  # noqa: PLC0415 - a second of imports, not for --help
    from isoline.unserved_classes import unserved  # noqa: PLC0415

    read = manifests.read(paths) if cluster is None else cluster.read()
    asked: list[translation.Asked] = [lambda rows, _: unserved(rows, meaning["ingress_class"])]
    asked += [external_names.refused] if meaning["enable_external_name"] else []
    settings = translation.settings(of_cluster=cluster is not None, **meaning)
    found = translation.translate(read, settings, *asked).problems
    colours = output.coloured()
    output.result(
        output.shown(
            form,
            [problem.as_json() for problem in found],
            lambda: "".join(f"{problem.text(colours=colours)}\n" for problem in found),
        )
    )
    _tell_ignored(read)
    errors = sum(problem.severity == "error" for problem in found)
    output.say(
        f"{output.counted(len(read), 'object')} {read.place}:"
        f" {output.counted(errors, 'error')}, {output.counted(len(found) - errors, 'warning')}"
    )
    return 1 if errors else 0


def _tell_ignored(read: "Objects") -> None:
    if read.ignored:
        kinds = ", ".join(f"{kind} ({number})" for kind, number in sorted(read.ignored.items()))
        output.say(f"kinds that isoline does not read: {kinds}")
