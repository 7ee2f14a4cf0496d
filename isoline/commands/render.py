"""`isoline render`."""

from pathlib import Path
from typing import Any

import click

from isoline import flag, output
from isoline.kubeconfig import Kubeconfig

TYPES = ("listeners", "routes", "hosts", "clusters", "endpoints", "secrets")


@click.command()
@click.argument("paths", metavar="[PATH...] [NAME]", nargs=-1, type=click.Path())
@flag.cluster()
@flag.flag("--type", "only", type=click.Choice(TYPES), help="Resources of this type.  [default: all]")
@flag.form()
@flag.meaning()
def command(paths: tuple[str, ...], only: str | None, form: flag.Form, **meaning: Any) -> int:  # noqa: ANN401
    """Show what Envoy would hold for manifests (files, folders, or - for stdin), or for a cluster.

    NAME, after the paths, is that of a resource, as in ingress_http/shop.example.com. What is wrong in the
    objects is told on stderr. Exit code 1 when there is no such resource, 2 when a file cannot be parsed.
    """
    cluster = Kubeconfig.taken(meaning, wanted=_of_cluster(paths))
    from isoline import manifests, translation  # noqa: PLC0415 - a second of imports, not for --help
    from isoline.rendered import rendered, show  # noqa: PLC0415

    name = _name(paths, of_cluster=cluster is not None)
    read = cluster.read() if cluster is not None else manifests.read(paths if name is None else paths[:-1])
    made = translation.translate(read, translation.settings(of_cluster=cluster is not None, **meaning))
    for problem in made.problems:
        output.say(problem.text(colours=output.coloured(on_stderr=True)))
    shown = {type_: found for type_, found in rendered(made.resources).items() if only in (None, type_)}
    if name is not None:
        shown = {type_: {name: found[name]} if name in found else {} for type_, found in shown.items()}
        if not any(shown.values()):
            output.say(
                f"isoline: {name}: no such file, and no resource of that name; isoline render lists them"
            )
            return 1
    show(shown, form)
    return 2 if any(problem.reason == "Unreadable" for problem in made.problems) else 0


def _of_cluster(paths: tuple[str, ...]) -> bool:
    """As `flag.of_cluster`, but that a cluster may have one argument, the NAME."""
    is_name = len(paths) == 1 and not Path(paths[0]).exists()
    return (is_name and flag.is_typed("kubeconfig")) or flag.of_cluster("paths")


def _name(paths: tuple[str, ...], *, of_cluster: bool) -> str | None:
    """The last argument, when it is no path."""
    if of_cluster:
        return paths[0] if paths else None
    last = paths[-1]
    return None if len(paths) == 1 or last == "-" or Path(last).exists() else last
