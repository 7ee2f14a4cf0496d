"""A NACK is data: good resources beside a bad one arrive, and the bad one is named (S1, D6)."""

from collections.abc import Callable, Iterable

import orjson
import pytest

from tests.xds.harness import Delta, World, front, host, row, site
from xds_server.event import Refused

Refuses = Callable[[set[str]], bool]


@pytest.fixture
def world() -> World:
    """One site."""
    return World(site("a"), front())


@pytest.fixture
def envoy(world: World) -> Delta:
    return world.envoy("a")


def name(number: int) -> str:
    return f"ingress_http/h{number:02}.example.com"


def hosts(numbers: Iterable[int], content: str = "1") -> dict[str, object]:
    """Hosts that need a cluster which is held."""
    found: dict[str, object] = {}
    for number in numbers:
        found.update(host(f"h{number:02}", content, to="a"))
    return found


def play(envoy: Delta, refuses: Refuses) -> set[str]:
    """An Envoy that refuses a response when what it would then hold is such; what it holds in the end."""
    held: set[str] = set()
    while answers := envoy.pull():
        for answer in answers:
            after = (held | set(answer.messages)) - set(answer.removed)
            if answer.type == "hosts" and refuses(after):
                envoy.answer(answer, "Only unique values for domains are permitted")
            else:
                held = after
                envoy.answer(answer, None)
    return held


@pytest.mark.parametrize("bad", [{0}, {49}, {7, 31}, {7, 8}, {3, 20, 21, 48}], ids=str)
def test_every_good_host_arrives_and_the_bad_ones_are_named(
    world: World, envoy: Delta, bad: set[int]
) -> None:
    """By halves, until each bad one stands alone."""
    world.put(hosts(range(50)))
    before = len(envoy.answers)

    held = play(envoy, lambda held: any(name(number) in held for number in bad))

    assert held == {name(number) for number in set(range(50)) - bad}
    assert world.rejections()[0] == {f"hosts/{name(number)}|envoy-1" for number in bad}
    assert len(envoy.answers) - before <= 1 + 2 * 6 * len(bad)  # 2^6 > 50


def test_of_two_hosts_in_conflict_one_arrives(world: World, envoy: Delta) -> None:
    """Each is good without the other."""
    world.put(hosts(range(50)))

    held = play(envoy, lambda held: {name(4), name(40)} <= held)

    assert len(held) == 49
    (refused,) = world.rejections()[0]
    assert refused in {f"hosts/{name(4)}|envoy-1", f"hosts/{name(40)}|envoy-1"}


def test_an_envoy_that_refuses_everything_is_left_alone(world: World, envoy: Delta) -> None:
    """In the end; then each host is refused."""
    world.put(hosts(range(8)))

    assert play(envoy, lambda _: True) == set()

    assert envoy.says() == []
    assert len(world.rejections()[0]) == 8


def test_a_bad_host_is_not_sent_again_with_another_change(world: World, envoy: Delta) -> None:
    """It would take the other with it."""
    world.put(hosts([1, 2]))
    play(envoy, lambda held: name(1) in held)

    world.put(hosts([2], "2"))

    assert envoy.settle() == [("hosts", {name(2): "2"}, [])]


def test_a_bad_host_that_changed_is_sent_again(world: World, envoy: Delta) -> None:
    """And its rejection is withdrawn when that is acknowledged, not before."""
    world.put(hosts([1]))
    play(envoy, lambda held: name(1) in held)
    assert world.rejections() == ({f"hosts/{name(1)}|envoy-1"}, set())

    world.put(hosts([1], "2"))
    assert envoy.says() == [("hosts", {name(1): "2"}, [])]
    envoy.ack()
    assert envoy.says() == []

    assert world.rejections() == (set(), {f"hosts/{name(1)}|envoy-1"})


def test_a_bad_host_that_is_deleted_is_told_and_withdrawn(world: World, envoy: Delta) -> None:
    """What was ever sent is removed, refused or not: an older version of it may live."""
    world.put(hosts([1]))
    play(envoy, lambda held: name(1) in held)
    world.rejections()

    world.delete(f"hosts/{name(1)}")
    told = envoy.settle()

    assert told == [("hosts", {}, [name(1)])]
    assert world.rejections() == (set(), {f"hosts/{name(1)}|envoy-1"})


def test_what_an_envoy_refused_is_forgotten_when_its_stream_ends(world: World, envoy: Delta) -> None:
    """Its next stream will say so again."""
    world.put(hosts([1]))
    play(envoy, lambda held: name(1) in held)
    world.rejections()

    envoy.close()

    assert world.rejections() == (set(), {f"hosts/{name(1)}|envoy-1"})


def test_the_end_of_an_old_stream_withdraws_nothing_of_its_successor(world: World, envoy: Delta) -> None:
    """A connection that broke is noticed after its Envoy has come back."""
    world.put(hosts([1]))
    play(envoy, lambda held: name(1) in held)
    again = world.delta()
    again.ask("hosts")
    play(again, lambda held: name(1) in held)

    envoy.close()

    puts, deletes = world.rejections()
    assert (puts, deletes) == ({f"hosts/{name(1)}|envoy-1"}, set())


def test_a_rejection_of_what_is_unsubscribed_is_withdrawn(world: World, envoy: Delta) -> None:
    """It is no longer that Envoy's business."""
    world.put(row("endpoints/x"))
    envoy.ask("endpoints", subscribe=["x"])
    envoy.pull()
    envoy.nack("bad endpoint")
    envoy.settle()
    assert world.rejections()[0] == {"endpoints/x|envoy-1"}

    envoy.ask("endpoints", unsubscribe=["x"])
    envoy.settle()

    assert world.rejections() == (set(), {"endpoints/x|envoy-1"})


def test_a_rejection_says_who_refused_what_and_why(world: World, envoy: Delta) -> None:
    """What the translator needs to tell its user."""
    world.put(hosts([1]))
    version = hosts([1])[f"hosts/{name(1)}"].version  # type: ignore[attr-defined]
    play(envoy, lambda held: name(1) in held)

    rows, _ = world.server.take_rejections()

    assert orjson.loads(rows[f"hosts/{name(1)}|envoy-1"].body) == {
        "resource": f"hosts/{name(1)}",
        "node": "envoy-1",
        "message": "Only unique values for domains are permitted",
        "version": version,
    }


def test_a_refusal_by_one_envoy_is_not_one_by_another(world: World, envoy: Delta) -> None:
    """An older Envoy may refuse what a newer one takes."""
    other = world.envoy("a", node="envoy-2")
    world.put(hosts([1]))

    play(envoy, lambda held: name(1) in held)

    assert play(other, lambda _: False) == {name(1)}
    assert world.rejections()[0] == {f"hosts/{name(1)}|envoy-1"}


@pytest.mark.parametrize("kind", ["delta", "sotw"])
def test_of_clusters_only_those_are_refused_that_the_message_names(world: World, kind: str) -> None:
    """Envoy takes the others (measured); ns/x/80 is not named by ns/x/8080."""
    client = world.delta() if kind == "delta" else world.sotw()
    client.ask("clusters")
    client.settle()
    world.put(row("clusters/ns/x/80"), row("clusters/ns/x/8080"), row("clusters/ns/y/80"))
    while answers := client.pull():
        for answer in answers:
            bad = "ns/x/8080" in answer.messages
            client.answer(
                answer, "Error adding/updating cluster(s) ns/x/8080: no such filter" if bad else None
            )

    assert world.rejections()[0] == {"clusters/ns/x/8080|envoy-1"}


def test_a_refused_cluster_that_is_deleted_is_removed_from_its_envoy(world: World) -> None:
    """It may hold an older one."""
    client = world.delta("clusters")
    client.ask("clusters")
    client.settle()
    world.put(row("clusters/x", "bad"))
    client.pull()
    client.nack("Error adding/updating cluster(s) x: bad")
    client.settle()

    world.delete("clusters/x")

    assert client.settle() == [("clusters", {}, ["x"])]


def test_a_change_of_what_was_refused_comes_though_it_was_under_way(world: World, envoy: Delta) -> None:
    """Two versions are sent before the first is refused."""
    world.put(hosts([1], "bad"))
    envoy.pull()
    world.put(hosts([1], "good"))
    envoy.pull()
    first, second = envoy.unanswered

    envoy.answer(first, "bad host")
    envoy.answer(second, None)

    assert envoy.settle() == []
    assert world.rejections()[0] == set()


def test_a_refused_set_is_sent_again_when_something_in_it_changes(world: World) -> None:
    """State of the World has no halves: listeners are one set."""
    client = world.sotw()
    client.ask("listeners")
    client.settle()
    world.put(row("listeners/bad"), row("listeners/good"))
    client.pull()
    client.nack("error adding listener 'bad': no filter chains")
    assert client.says() == []
    assert world.rejections()[0] == {"listeners/bad|envoy-1"}

    world.put(row("listeners/bad", "2"))

    assert client.settle() == [("listeners", {"bad": "2", "good": "1", "ingress_http": "1"}, [])]
    assert world.rejections() == (set(), {"listeners/bad|envoy-1"})


def test_a_refusal_is_counted_and_logged(world: World, envoy: Delta) -> None:
    """By type, node and reason."""
    world.put(hosts([1]))
    play(envoy, lambda held: name(1) in held)

    (event,) = world.server.take_events()

    message = "Only unique values for domains are permitted"
    assert event == Refused(node="envoy-1", peer="peer", type="hosts", message=message)
