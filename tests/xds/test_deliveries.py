"""What became of each change: a row once all Envoys have acknowledged it, or are late."""

from typing import Any

import orjson
import pytest

from tests.xds.harness import World, cluster, endpoints, front, host, site

A = "ingress_http/a.example.com"


@pytest.fixture
def world() -> World:
    """Two sites."""
    return World(site("a"), site("b"), front())


def told(world: World) -> list[dict[str, Any]]:
    """The rows that have come since the last call."""
    puts, _ = world.server.deliveries.take()
    return [orjson.loads(row.body) for row in puts.values()]


def test_a_delivery_says_what_was_sent_and_how_long_it_took(world: World) -> None:
    """From its cause to the acknowledgement: 2 s on the way here, 1 s from here."""
    envoy = world.envoy("a", "b")
    assert told(world) == []
    world.apply(host("a", "2"), at=1700000000.0, age=2.0)
    (answer,) = envoy.pull()
    world.now += 1.0
    assert told(world) == []

    envoy.ack()
    envoy.pull()

    assert told(world) == [
        {
            "changed": [f"hosts/{A}"],
            "resources": 1,
            "removed": 0,
            "bytes": len(answer.data),
            "envoys": 1,
            "at": 1700000000.0,
            "seconds": 3.0,
            "complete": True,
        }
    ]


def test_a_delivery_counts_all_responses_of_its_change(world: World) -> None:
    """Cluster, load assignment and host."""
    envoy = world.envoy("a", "b", "c")

    world.put(site("c"))
    envoy.settle()

    (row,) = told(world)
    assert (row["resources"], row["removed"]) == (3, 0)
    assert sorted(row["changed"]) == sorted(site("c"))


def test_a_delivery_counts_what_was_removed(world: World) -> None:
    """A host that is gone."""
    envoy = world.envoy("a", "b")

    world.delete(f"hosts/{A}")
    envoy.settle()

    (row,) = told(world)
    assert (row["resources"], row["removed"]) == (0, 1)


def test_a_delivery_waits_for_the_last_envoy(world: World) -> None:
    """Its figures are those of one Envoy, not a sum."""
    one, two = world.envoy("a", "b"), world.envoy("a", "b", node="envoy-2")
    world.put(host("a", "2"))
    two.pull()
    one.settle()
    assert told(world) == []

    two.ack()
    two.pull()

    (row,) = told(world)
    assert (row["envoys"], row["resources"], row["complete"]) == (2, 1, True)


def test_an_envoy_that_leaves_is_not_waited_for(world: World) -> None:
    """What it had acknowledged by then is nobody's business."""
    one, two = world.envoy("a", "b"), world.envoy("a", "b", node="envoy-2")
    world.put(host("a", "2"))
    two.pull()
    one.settle()

    two.close()

    (row,) = told(world)
    assert (row["envoys"], row["complete"]) == (1, True)


def test_an_envoy_that_comes_later_is_not_waited_for(world: World) -> None:
    """It is sent a first table, which is no change."""
    one = world.envoy("a", "b")
    world.put(host("a", "2"))
    late = world.delta(node="envoy-2")
    late.ask("hosts")
    late.pull()

    one.settle()

    (row,) = told(world)
    assert (row["envoys"], row["resources"]) == (1, 1)


def test_who_is_late_is_told_as_such(world: World) -> None:
    """After ten seconds; and once."""
    envoy = world.envoy("a", "b")
    world.put(host("a", "2"))
    envoy.pull()
    world.now += 9.9
    world.server.deliveries.expire(world.now)
    assert told(world) == []

    world.now += 0.2
    world.server.deliveries.expire(world.now)
    (row,) = told(world)
    assert (row["complete"], row["envoys"]) == (False, 1)

    envoy.ack()
    envoy.pull()
    assert told(world) == []


def test_a_refused_change_is_delivered(world: World) -> None:
    """There is nothing more to wait for; that it was refused is told elsewhere."""
    envoy = world.envoy("a", "b")
    world.put(host("a", "bad"))
    envoy.pull()

    envoy.nack("bad host")
    envoy.pull()

    assert [row["complete"] for row in told(world)] == [True]


def test_a_change_that_concerns_nobody_is_not_told(world: World) -> None:
    """Endpoints that no Envoy has asked for."""
    envoy = world.envoy("a")

    world.put(endpoints("b", "2"))
    envoy.settle()

    assert told(world) == []


def test_two_changes_in_one_response_are_both_delivered(world: World) -> None:
    """What was sent is counted once, for the newer."""
    envoy = world.envoy("a", "b")

    world.put(host("a", "2"))
    world.put(host("b", "2"))
    envoy.settle()

    assert [(row["changed"], row["resources"]) for row in told(world)] == [
        ([f"hosts/{A}"], 0),
        (["hosts/ingress_http/b.example.com"], 2),
    ]


def test_a_delivery_does_not_wait_for_the_grace() -> None:
    """A cluster that stays for a minute is gone from the routes at once."""
    world = World(site("a"), site("b"), front(), grace=60.0)
    envoy = world.envoy("a", "b")
    world.put(host("a", "2", to="b"), delete=["clusters/ns/a/80", "endpoints/ns/a/http"])

    envoy.settle()

    assert [(row["resources"], row["complete"]) for row in told(world)] == [(1, True)]


def test_rows_of_long_ago_are_deleted(world: World) -> None:
    """The table holds the last 64."""
    envoy = world.envoy("a", "b")
    held: set[str] = set()

    for number in range(200):
        world.put(host("a", f"n{number}"))
        envoy.settle()
        puts, deletes = world.server.deliveries.take()
        held = (held | puts.keys()) - deletes

    assert len(held) == 64


def test_a_change_of_very_many_keys_names_some(world: World) -> None:
    """For a line on a terminal."""
    envoy = world.envoy("a", "b")

    world.put(*(cluster(f"c{number}") | endpoints(f"c{number}") for number in range(500)))
    envoy.settle()

    (row,) = told(world)
    assert len(row["changed"]) == 20
    assert row["resources"] == 500
