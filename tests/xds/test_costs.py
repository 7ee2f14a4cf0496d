"""What one change costs, counted and not timed: the same among 100 hosts and among 10,000."""

import sys
from collections.abc import Callable
from functools import cache
from types import FrameType
from typing import Any

import pytest

from runtime.link.row import Row
from tests.xds.harness import Delta, Sotw, World, endpoints, front, host, site

STREAMS = 1_000


@cache
def fleet(hosts: int, kind: str) -> tuple[World, Delta | Sotw]:
    """A world of so many sites, and an Envoy that holds them."""
    names = [f"n{number:05}" for number in range(hosts)]
    world = World(*map(site, names), front())
    if kind == "delta":
        return world, world.envoy(*names)
    client = world.sotw()
    for type_, wanted in (("clusters", []), ("endpoints", [f"ns/{name}/http" for name in names])):
        client.ask(type_, wanted)
        client.settle()
    return world, client


def operations(act: Callable[[], object]) -> int:
    """How many operations of Python's machine it takes, in code of ours."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401 - sys.settrace
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(None)
    return count


CHANGES: list[Any] = [
    pytest.param(lambda content: host("n00007", content), id="a host"),
    pytest.param(lambda content: endpoints("n00007", content), id="an endpoint"),
]


def sizes(hosts: int, change: Callable[[str], dict[str, Row]]) -> list[int]:
    """Bytes of each response to one change, without the digits of its nonce."""
    world, envoy = fleet(hosts, "delta")
    world.put(change("2"))
    answers = envoy.pull()
    envoy.ack()
    assert envoy.settle() == []
    world.put(change("1"))
    envoy.settle()
    return [len(answer.data) - len(answer.nonce) for answer in answers]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_one_small_response(change: Callable[[str], dict[str, Row]]) -> None:
    """Whatever else there is."""
    few, many = sizes(100, change), sizes(10_000, change)

    assert few == many
    assert len(few) == 1
    assert few[0] <= 1_000


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_takes_the_same_work_among_many(change: Callable[[str], dict[str, Row]]) -> None:
    """No loop over hosts, streams' names or the table: applied, sent, acknowledged."""

    def work(hosts: int) -> int:
        world, envoy = fleet(hosts, "delta")
        world.put(change("1"))
        envoy.settle()
        rows = change("2")
        return operations(lambda: (world.put(rows), envoy.settle()))

    assert work(10_000) <= 1.1 * work(100)


def test_one_endpoint_takes_the_same_work_in_a_set() -> None:
    """State of the World too: endpoints may be sent as a subset."""

    def work(hosts: int) -> int:
        world, client = fleet(hosts, "sotw")
        rows = endpoints("n00007", "2")
        done = operations(lambda: (world.put(rows), client.pull()))
        client.ack()
        client.settle()
        world.put(endpoints("n00007", "1"))
        client.settle()
        return done

    assert work(10_000) <= 1.1 * work(100)


@pytest.fixture(scope="module")
def envoys() -> tuple[World, list[Delta]]:
    """A thousand equal Envoys."""
    world = World(site("a"), site("b"), front())
    return world, [world.envoy("a", "b", node=f"envoy-{number}") for number in range(STREAMS)]


@pytest.mark.parametrize("content", ["2", "3"])
def test_a_thousand_streams_are_sent_the_same_object(envoys: tuple[World, list[Delta]], content: str) -> None:
    """Encoded once, nonce included."""
    world, clients = envoys
    world.put(host("a", content))

    sent = [world.server.pull(client.stream, world.now) for client in clients]

    assert None not in sent
    assert len({id(data) for data in sent}) == 1
    for client, data in zip(clients, sent, strict=True):
        assert data is not None
        client.answer(client._decode(data), None)
        assert client.pull() == []


def test_the_acknowledgements_of_a_thousand_streams_are_read_once(
    envoys: tuple[World, list[Delta]],
) -> None:
    """They are equal bytes: the first is parsed, the others are recognised."""
    world, clients = envoys
    world.put(host("a", "4"))
    for client in clients:
        client.pull()

    first = operations(clients[0].ack)
    work = [operations(client.ack) for client in clients[1:20]]

    assert max(work) < first / 2
    assert all(client.stream.acknowledged() >= world.server.table.revision for client in clients[:20])
    for client in clients:
        client.settle()


def test_a_change_that_nobody_wants_costs_no_response() -> None:
    """Nor anything that grows with the table."""

    def work(hosts: int) -> int:
        world, envoy = fleet(hosts, "delta")
        return operations(lambda: (world.put(endpoints("nobody", str(hosts))), envoy.pull()))

    assert work(10_000) <= 1.1 * work(100)
