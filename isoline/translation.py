"""What the translator makes of objects, for tools: the same core that serves."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from isoline import flag
from isoline.near import Near
from isoline.objects import Objects
from isoline.place import Places
from isoline.problem import Problem, Told, told
from isoline.up import ports
from runtime.link.row import Change, Row
from translator.settings import Settings
from translator.translator import Translator

# What else is wrong with these rows, of which these resources were made: what only an edge can find out.
Asked = Callable[[Mapping[str, Row], Mapping[str, Row]], Iterable[Told]]


@dataclass(frozen=True, slots=True)
class Translation:
    """Envoy's resources by key, and what is wrong, in the order of the files and their lines."""

    resources: Mapping[str, Row]
    problems: tuple[Problem, ...]


def settings(
    *,
    of_cluster: bool,
    listen: str,
    http_port: int,
    https_port: int,
    redirect_port: int | None,
    loopback_endpoints: flag.Loopback | None,
    **others: Any,  # noqa: ANN401 - the other flags of meaning
) -> Settings:
    """The flags of meaning as `up` gives them to the translator, for files or a cluster. Raises Mistake."""
    ports.demand_distinct({"--http-port": http_port, "--https-port": https_port})
    ports.demand_ip(listen)
    return Settings(
        listen=listen,
        http_port=http_port,
        https_port=https_port,
        redirect_port=redirect_port or https_port,
        loopback_endpoints=flag.loopback(loopback_endpoints, of_cluster=of_cluster),
        **others,
    )


def translate(objects: Objects, settings: Settings, *asked: Asked) -> Translation:
    """All that follows from these objects."""
    output = translator(settings).apply(Change(objects.rows, frozenset(), synced=True))
    assert output is not None  # noqa: S101 - there is one whenever the objects are complete
    places = Places(objects.files.get)
    near = Near(objects.rows)
    of_translator = (each for ref, row in output.statuses.puts.items() for each in told(ref, row.body))
    of_edges = (each for ask in asked for each in ask(objects.rows, output.resources.puts))
    found = [each.problem(places.line_of, near.hint(each)) for each in chain(of_translator, of_edges)]
    order = {path: number for number, path in enumerate(objects.files)}
    by_place = sorted(found, key=partial(_place, order))
    return Translation(output.resources.puts, tuple(by_place))


def translator(settings: Settings) -> Translator:
    """The core that serves, today."""
    core = Translator(settings)
    core.advance(time.time())
    return core


def _place(order: Mapping[str, int], problem: Problem) -> tuple[int, int, str, str, str]:
    at = order.get(problem.file or "", len(order))
    return at, problem.line or 0, problem.kind, f"{problem.namespace}/{problem.name}", problem.message
