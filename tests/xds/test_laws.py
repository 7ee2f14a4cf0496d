"""What holds after any history: subscriptions, acks, refusals, changes, delays, reconnects."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.xds.envoy import Envoy
from tests.xds.peer import Peer
from tests.xds.sotw_peer import ALL, TYPES, SotwPeer
from tests.xds.world import World

pytestmark = pytest.mark.law

HOSTS = ("h0", "h1", "h2")
Step = Callable[[Peer], object]

host = st.sampled_from(HOSTS)
clusters = st.frozensets(st.integers(0, 3), max_size=3)
few = st.integers(1, 3)


def put(name: str, variant: str, numbers: frozenset[int]) -> Step:
    def step(peer: Peer) -> None:
        peer.world.hosts[name] = (variant, numbers)
        peer.world.publish()

    return step


def drop(name: str) -> Step:
    def step(peer: Peer) -> None:
        peer.world.hosts.pop(name, None)
        peer.world.publish()

    return step


def vary(name: str, variant: str) -> Step:
    def step(peer: Peer) -> None:
        peer.world.vary(name, variant)
        peer.world.publish()

    return step


def tick(peer: Peer) -> None:
    """At most 40 of them: less than the 5 s that a host waits for its clusters."""
    peer.world.now += 0.12


def steps_of(variant: st.SearchStrategy[str]) -> st.SearchStrategy[list[Step]]:
    return st.lists(
        st.one_of(
            st.builds(put, host, variant, clusters),
            st.builds(put, host, st.just("v0"), clusters),
            st.builds(drop, host),
            st.builds(vary, st.sampled_from(("c0", "c1", "c2")), variant),
            st.builds(vary, st.sampled_from(("e0", "e1")), st.sampled_from(("v0", "v1"))),
            st.builds(lambda n: lambda peer: peer.pull(n), few),
            st.builds(lambda n: lambda peer: peer.say(n), few),
            st.builds(lambda n: lambda peer: peer.hear(n), few),
            st.sampled_from([Peer.pull, Peer.say, Peer.hear, tick, tick, Peer.reconnect]),
        ),
        max_size=40,
    )


good = steps_of(st.sampled_from(("v0", "v1")))
any_ = steps_of(st.sampled_from(("v0", "v1", "bad")))


# Nearly all that can go wrong comes after an Envoy has all it asked for.
settled = st.sampled_from((True, True, True, False))


def lived(history: list[Step], *, settled: bool) -> tuple[World, Envoy]:
    """An Envoy at the end of a history that began with two hosts, which it had or was about to get."""
    world = World(hosts={"h0": ("v0", frozenset({0, 2})), "h1": ("v0", frozenset({0}))})
    world.publish()
    peer = Envoy(world)
    if settled:
        peer.calm()
    for step in history:
        step(peer)
    peer.calm()
    return world, peer


def expected(world: World, type_: str) -> dict[str, bytes]:
    return {name: body for name, body in world.table(type_).items() if b" bad" not in body}


@given(history=good, settled=settled)
def test_an_envoy_ends_with_the_table_and_is_never_sent_a_thing_too_early_or_twice(
    history: list[Step], *, settled: bool
) -> None:
    """Never a host before its clusters, never the removal of a cluster that a route may still use, nothing
    that it has already; and in the end exactly what is published.
    """
    world, peer = lived(history, settled=settled)

    held = {key: {name: body for name, (_, body) in names.items()} for key, names in peer.held.items()}
    assert {key: held[key] for key in ("clusters", "endpoints", "hosts")} == {
        key: world.table(key) for key in ("clusters", "endpoints", "hosts")
    }
    assert peer.wrong == []
    assert peer.cold == set()


@given(history=any_, settled=settled)
def test_what_an_envoy_refuses_costs_it_nothing_else(history: list[Step], *, settled: bool) -> None:
    """Whatever is bad for a while: all that is good arrives, and what is refused keeps what it had."""
    world, peer = lived(history, settled=settled)

    for type_ in ("clusters", "hosts"):
        held = {name: body for name, (_, body) in peer.held[type_].items()}
        table, wanted = world.table(type_), expected(world, type_)
        assert {name: held.get(name) for name in wanted} == wanted
        assert not any(b" bad" in body for body in held.values())
        if not any(b" bad" in body for body in world.table("hosts").values()):
            assert held.keys() <= table.keys()
    refused = {name for name, body in world.table("hosts").items() if b" bad" in body}
    told = {key for key in peer.stream.refused() if key.startswith("hosts/")}
    assert told == {f"hosts/{name}" for name in refused}
    assert peer.wrong == []
    assert peer.cold == set()


def want(type_: str, names: tuple[str, ...]) -> Step:
    def step(peer: Peer) -> None:
        assert isinstance(peer, SotwPeer)
        peer.want(type_, names)

    return step


NAMES = (ALL, (), ("c0",), ("c0", "c2", "e0"), ("e0", "e1", "http"), ("http", "nowhere"))
subscribed = st.sampled_from(NAMES)


@given(st.lists(st.builds(want, st.sampled_from(TYPES), subscribed), max_size=6), good)
def test_a_state_of_the_world_client_ends_with_what_it_asked_for(
    wants: list[Step], history: list[Step]
) -> None:
    """Whatever it subscribes to, in whichever order, over however many streams: the newest of each name."""
    world = World(hosts={"h0": ("v0", frozenset({0, 2}))})
    world.publish()
    peer = SotwPeer(world)
    for at, step in enumerate(history):
        for wanted in wants[at : at + 1]:
            wanted(peer)
        step(peer)

    peer.calm()

    for type_, names in peer.wanted.items():
        bodies = world.inlined(type_)
        held = {name: body for name, (_, body) in peer.held[type_].items() if name in bodies}
        assert held == {name: body for name, body in bodies.items() if names == ALL or name in names}
    assert peer.held["clusters"].keys() <= world.table("clusters").keys()
    assert peer.wrong == []
