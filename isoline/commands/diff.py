"""`isoline diff`."""

from typing import Any

import click

from isoline import flag, output
from isoline.mistake import Mistake


@click.command()
@click.argument("old", metavar="OLD", type=click.Path())
@click.argument("new", metavar="NEW", type=click.Path())
@flag.form()
@flag.meaning()
def command(old: str, new: str, form: flag.Form, **meaning: Any) -> int:  # noqa: ANN401
    """Show what a change of manifests would do to Envoy: OLD and NEW are files, folders, or - for stdin.

    Resources that are added, removed or changed, the latter field by field; of a Secret only that its key
    differs, and the fingerprint of its certificate. Exit code 1 when there are differences, 2 when a file
    cannot be parsed.
    """
    if old == new == "-":
        raise Mistake("OLD and NEW are both -: stdin can be read once")
    from isoline import manifests, translation  # noqa: PLC0415 - a second of imports, not for --help
    from isoline.difference import differences  # noqa: PLC0415
    from isoline.table import wrapped  # noqa: PLC0415

    settings = translation.settings(**meaning)
    both = [translation.translate(manifests.read([path]), settings) for path in (old, new)]
    unreadable = [each for one in both for each in one.problems if each.reason == "Unreadable"]
    for problem in unreadable:
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
    return 2 if unreadable else 1 if found else 0


COLOURS = {"added": "green", "removed": "red", "changed": "yellow"}
