"""`isoline explain`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isoline import flag, output
from isoline.kubeconfig import Kubeconfig
from isoline.mistake import Mistake

if TYPE_CHECKING:
    from isoline.explain.explanation import Explanation
    from isoline.explain.request import Request

OTHERWISE = (
    "--from PATH (manifests), --kubeconfig FILE (a cluster), --xds ADDRESS (an xDS server) or --run-dir DIR"
)


@click.command()
@click.argument("url", metavar="URL")
@flag.flag(
    "--from",
    "paths",
    metavar="PATH",
    multiple=True,
    type=click.Path(),
    help="Manifests; may be given several times.",
)
@flag.cluster()
@flag.flag("--xds", metavar="ADDR", help="A running xDS server: unix:/PATH or host:port.")
@flag.flag("--xds-tls", metavar="DIR", help="tls.crt, tls.key and ca.crt for mTLS there.")
@flag.flag("--run-dir", metavar="DIR", help="That of a running isoline up.  [default: the only one there is]")
@flag.flag("-X", "--method", metavar="METHOD", default="GET", help="The method.")
@flag.flag("-H", "--header", "headers", metavar="HEADER", multiple=True, help="'NAME: VALUE', also Host.")
@flag.form()
@flag.meaning()
def command(
    url: str,
    method: str,
    headers: tuple[str, ...],
    form: flag.Form,
    **where: Any,  # noqa: ANN401
) -> int:
    """Say what becomes of a request, and which object decides it.

    URL is http://HOST/PATH or https://HOST/PATH. Exit code 1 when it is not routed,
    2 when a file cannot be parsed.
    """
    from isoline.explain import request  # noqa: PLC0415 - not for --help

    try:
        asked = request.parse(url, method, headers)
    except ValueError as error:
        raise Mistake(str(error)) from None
    found = _explained(asked, **where)
    for problem in found.unreadable:
        output.say(problem)
    output.result(output.shown(form, found.as_json(), lambda: _text(found)))
    return 2 if found.unreadable else int(not found.routed)


def _explained(
    asked: "Request",
    *,
    paths: tuple[str, ...],
    xds: str | None,
    xds_tls: str | None,
    run_dir: str | None,
    **meaning: Any,  # noqa: ANN401 - the flags of meaning
) -> "Explanation":
    source = flag.only_one("paths", "kubeconfig", "xds", "run_dir")
    cluster = Kubeconfig.taken(meaning, wanted=source == "kubeconfig")
    if source in {"paths", "kubeconfig"}:
        from isoline import manifests, translation  # noqa: PLC0415 - a second of imports
        from isoline.explain.objects import explain  # noqa: PLC0415

        read = manifests.read(paths) if cluster is None else cluster.read()
        return explain(asked, read, translation.settings(of_cluster=cluster is not None, **meaning))
    if source != "xds" or xds is None:
        from isoline.running import run_dir as running  # noqa: PLC0415

        xds = f"unix:{running(run_dir, OTHERWISE).xds}"
    from isoline.explain import walk  # noqa: PLC0415 - not for --help
    from isoline.xds import Xds  # noqa: PLC0415

    with Xds(xds, Path(xds_tls) if xds_tls is not None else None) as server:
        return walk.explain(asked, server)


def _text(found: "Explanation") -> str:
    from isoline.table import wrapped  # noqa: PLC0415

    colours = output.coloured()
    lines = [f"{found.request.method} {found.request.url}"]
    for name, said in found.lines():
        first, *rest = wrapped(said, 88)
        colour = ("green" if found.routed else "red") if name == "answer" else ""
        lines.append(f"  {name:<9} {output.styled(first, colour, on=colours and bool(colour))}")
        lines += [f"  {'':<9} {more}" for more in rest]
    return "".join(f"{line}\n" for line in lines)
