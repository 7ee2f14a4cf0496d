"""`isoline diff`."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from isoline import flag, output
from isoline.kubeconfig import Kubeconfig
from isoline.mistake import Mistake

if TYPE_CHECKING:
    from isoline.objects import Objects


@click.command()
@click.argument("paths", metavar="[OLD] NEW", nargs=-1, type=click.Path())
@flag.cluster()
@flag.form()
@flag.meaning()
def command(paths: tuple[str, ...], form: flag.Form, **meaning: Any) -> int:  # noqa: ANN401
    """Show what a change of manifests would do to Envoy: OLD and NEW are files, folders, or - for stdin.

    With --kubeconfig OLD is the cluster, and NEW what is put into it: its objects are added to those that are
    there, or replace them.

    Resources that are added, removed or changed, the latter field by field; of a Secret only that its key
    differs, and the fingerprint of its certificate. Exit code 1 when there are differences, 2 when a file
    cannot be parsed.
    """
    cluster = Kubeconfig.taken(meaning, wanted=_of_cluster(paths, meaning["kubeconfig"]))
    from isoline import translation  # noqa: PLC0415 - a second of imports, not for --help
    from isoline.difference import differences  # noqa: PLC0415
    from isoline.table import wrapped  # noqa: PLC0415

    settings = translation.settings(of_cluster=cluster is not None, **meaning)
    both = [translation.translate(each, settings) for each in _both(paths, cluster)]
    unknown = dict.fromkeys(each for one in both for each in one.problems if each.reason in UNKNOWN)
    for problem in unknown:
        output.say(problem.text(colours=output.coloured(on_stderr=True)))
    found = list(differences(both[0].resources, both[1].resources))

    def text() -> str:
        lines = []
        for each in found:
            head, *fields = each.lines()
            lines.append(output.styled(head, COLOURS[each.change], on=output.coloured()))
            for field in fields:
                first, *more = wrapped(field.strip(), 94)
                lines += [f"  {first}", *(f"      {rest}" for rest in more)]
        return "".join(f"{line}\n" for line in lines)

    output.result(output.shown(form, [each.as_json() for each in found], text))
    if any(problem.reason == UNREADABLE for problem in unknown):
        return 2
    return 1 if found else 0


def _of_cluster(paths: tuple[str, ...], kubeconfig: str | None) -> bool:
    """A variable yields to two paths. Raises UsageError and Mistake."""
    found = flag.is_typed("kubeconfig") or (kubeconfig is not None and len(paths) == 1)
    if len(paths) != (1 if found else 2):
        raise click.UsageError("give OLD and NEW, or --kubeconfig FILE and NEW", click.get_current_context())
    if paths == ("-", "-"):
        raise Mistake("OLD and NEW are both -: stdin can be read once")
    return found


def _both(paths: tuple[str, ...], cluster: Kubeconfig | None) -> tuple["Objects", "Objects"]:
    from isoline import manifests  # noqa: PLC0415 - as above
    from isoline.overlay import laid_over  # noqa: PLC0415

    if cluster is None:
        return manifests.read(paths[:1]), manifests.read(paths[1:])
    new = manifests.read(paths, cluster.access().namespace)  # before anybody is waited for
    old = cluster.read()
    return old, laid_over(old, new, datetime.now(UTC), cluster.namespaces)


UNREADABLE = "Unreadable"
# What stands there is not known, and might differ.
UNKNOWN = (UNREADABLE, "Forbidden")
COLOURS = {"added": "green", "removed": "red", "changed": "yellow"}
