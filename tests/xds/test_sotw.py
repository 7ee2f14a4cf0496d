"""State of the World: sets, nonces and versions (rules S1 to S7)."""

import pytest

from tests.xds.harness import World, endpoints, front, host, row, site


@pytest.fixture
def world() -> World:
    """Two sites."""
    return World(site("a"), site("b"), front())


# S1, refusals


def test_what_was_refused_is_not_sent_again_until_it_changes(world: World) -> None:
    """The same bytes would be refused again, for ever."""
    client = world.sotw()
    client.ask("listeners")
    client.settle()
    world.put(row("listeners/ingress_http", "bad"))
    client.pull()

    client.nack("bad prefix")
    assert client.says() == []

    world.put(row("listeners/ingress_http", "good"))
    assert client.says() == [("listeners", {"ingress_http": "good"}, [])]


def test_an_error_is_a_refusal_whatever_the_version(world: World) -> None:
    """And an old version without an error is an acknowledgement."""
    client = world.sotw()
    client.ask("listeners")
    (answer,) = client.pull()

    client.ask("listeners", version="something else", nonce=answer.nonce)

    assert client.says() == []
    assert client.stream.refused() == {}
    assert client.stream.acknowledged() >= world.server.table.revision


# S2, stale nonces


def test_names_in_a_stale_request_count(world: World) -> None:
    """Its nonce only says that it answers nothing (envoy#10363)."""
    client = world.sotw()
    client.ask("endpoints", ["ns/a/http"])
    old = client.pull()[0].nonce
    client.ack()
    world.put(endpoints("a", "2"))
    client.pull()

    client.ask("endpoints", ["ns/a/http", "ns/b/http"], nonce=old)
    client.ack()

    assert [told for told in client.says() if "ns/b/http" in told[1]] != []


def test_a_stale_error_refuses_nothing(world: World) -> None:
    """What it refused has been replaced meanwhile."""
    client = world.sotw()
    client.ask("listeners")
    old = client.pull()[0]
    client.ack()
    world.put(row("listeners/ingress_http", "2"))
    client.pull()

    client.answer(old, "too late")

    assert client.stream.refused() == {}


def test_the_newest_acknowledgement_settles_what_came_before_it(world: World) -> None:
    """Two responses under way: the first acknowledgement is stale by then."""
    client = world.sotw()
    client.ask("endpoints", ["ns/a/http", "ns/b/http"])
    client.settle()
    world.put(endpoints("a", "2"))
    client.pull()
    world.put(endpoints("b", "2"))
    client.pull()

    client.ack()

    assert client.says() == []
    assert client.stream.acknowledged() >= world.server.table.revision


# S3, the first request


@pytest.mark.parametrize("type_", ["clusters", "listeners"])
def test_who_connects_again_with_the_newest_version_is_not_answered(world: World, type_: str) -> None:
    """Nothing is left over from the old stream but the version."""
    old = world.sotw(type_)
    old.ask(type_)
    version = old.pull()[-1].version
    old.close()

    client = world.sotw(type_)
    client.ask(type_, version=version)

    assert client.says() == []


@pytest.mark.parametrize("type_", ["clusters", "listeners"])
def test_who_connects_again_with_an_old_version_is_answered(world: World, type_: str) -> None:
    """With the whole set."""
    client = world.sotw(type_)

    client.ask(type_, version="of another day")

    assert [name for told in client.says() for name in told[1]] != []


def test_names_are_answered_on_a_new_stream_whatever_the_version(world: World) -> None:
    """A version does not say which names were asked for."""
    old = world.sotw("endpoints")
    old.ask("endpoints", ["ns/a/http"])
    version = old.pull()[0].version

    client = world.sotw("endpoints")
    client.ask("endpoints", ["ns/a/http"], version=version)

    assert client.says() == [("endpoints", {"ns/a/http": "1"}, [])]


# S4, whole sets and subsets


def test_each_response_of_listeners_is_the_whole_set(world: World) -> None:
    """What it leaves out is deleted by the client."""
    client = world.sotw()
    client.ask("listeners")
    client.settle()

    world.put(row("listeners/other"))

    assert client.settle() == [("listeners", {"ingress_http": "1", "other": "1"}, [])]


def test_the_last_listener_goes_by_an_empty_set(world: World) -> None:
    """Empty is an answer."""
    client = world.sotw()
    client.ask("listeners")
    client.settle()

    world.delete("listeners/ingress_http")

    assert client.settle() == [("listeners", {}, [])]


def test_only_the_changed_load_assignment_is_sent(world: World) -> None:
    """Of the other types a subset will do."""
    client = world.sotw()
    client.ask("endpoints", ["ns/a/http", "ns/b/http"])
    client.settle()

    world.put(endpoints("a", "2"))

    assert client.settle() == [("endpoints", {"ns/a/http": "2"}, [])]


def test_a_named_resource_that_is_gone_is_not_told(world: World) -> None:
    """Absence means nothing there, and an empty response would be one too many."""
    world.put(row("secrets/ns/tls"))
    client = world.sotw()
    client.ask("secrets", ["ns/tls"])
    client.settle()

    world.delete("secrets/ns/tls")

    assert client.says() == []


def test_a_set_waits_for_what_one_of_it_needs(world: World) -> None:
    """Without it, it would be deleted; for five seconds at most."""
    client = world.sotw()
    client.ask("listeners")
    client.settle()
    world.put(row("listeners/other", needs=["secrets/ns/tls"]))
    assert client.says() == []
    assert client.stream.deadline == world.now + 5

    world.now += 5.1

    assert client.settle() == [("listeners", {"ingress_http": "1", "other": "1"}, [])]


def test_a_set_that_waited_comes_when_what_it_needs_is_there(world: World) -> None:
    """At once."""
    client = world.sotw()
    client.ask("listeners")
    client.settle()
    world.put(row("listeners/other", needs=["secrets/ns/tls"]))
    client.pull()

    world.put(row("secrets/ns/tls"))

    assert client.says() == [("listeners", {"ingress_http": "1", "other": "1"}, [])]


# S5, the wildcard


def listeners_told(world: World, *requests: list[str]) -> list[set[str]]:
    """The names in the last response to each of these requests; empty when there was none."""
    world.put(row("listeners/A"), row("listeners/B"), delete=["listeners/ingress_http"])
    client = world.sotw()
    told = []
    for names in requests:
        client.ask("listeners", names)
        answers = client.settle()
        told.append(set(answers[-1][1]) if answers else set())
    return told


def test_no_names_before_any_name_is_everything(world: World) -> None:
    """And after a name it is nothing."""
    assert listeners_told(world, [], ["A"], []) == [{"A", "B"}, {"A"}, set()]


def test_each_name_more_is_answered_with_the_whole_set() -> None:
    """One less is not answered; and going back to an earlier set is a new response."""
    told = listeners_told(World(), ["A"], ["A", "B"], ["A"], ["A", "B"])

    assert told == [{"A"}, {"A", "B"}, set(), {"A", "B"}]


def test_a_star_keeps_everything_beside_a_name(world: World) -> None:
    """Dropping the star leaves the name."""
    assert listeners_told(world, ["*"], ["*", "A"])[0] == {"A", "B"}
    assert listeners_told(world, ["*", "A"], ["A"]) == [{"A", "B"}, {"A"}]


def test_a_change_of_another_name_is_not_told(world: World) -> None:
    """The set of what is named is as it was."""
    world.put(row("listeners/A"), row("listeners/B"))
    client = world.sotw()
    client.ask("listeners", ["A"])
    client.settle()

    world.put(row("listeners/B", "2"))

    assert client.says() == []


def test_an_empty_name_is_no_resource(world: World) -> None:
    """Nor is it the wildcard."""
    assert listeners_told(world, [""]) == [set()]


def test_after_unsubscribing_from_all_nothing_is_told(world: World) -> None:
    """No names after names."""
    client = world.sotw()
    client.ask("endpoints", ["ns/a/http"])
    client.settle()
    client.ask("endpoints", [])
    client.settle()

    world.put(endpoints("a", "2"))

    assert client.says() == []


# S6, names that are new


def test_a_new_name_is_answered_though_nothing_changed(world: World) -> None:
    """The version is the same; the name is not."""
    client = world.sotw()
    client.ask("endpoints", ["ns/a/http"])
    client.settle()

    client.ask("endpoints", ["ns/a/http", "ns/b/http"])

    told = client.says()
    assert [type_ for type_, _, _ in told] == ["endpoints"]
    assert told[0][1]["ns/b/http"] == "1"


def test_a_name_that_was_dropped_and_comes_back_is_answered(world: World) -> None:
    """The client has forgotten it."""
    client = world.sotw()
    client.ask("endpoints", ["ns/a/http", "ns/b/http"])
    client.settle()
    client.ask("endpoints", ["ns/a/http"])
    client.settle()

    client.ask("endpoints", ["ns/a/http", "ns/b/http"])

    assert client.says()[0][1]["ns/b/http"] == "1"


def test_a_name_that_is_not_there_comes_when_it_appears(world: World) -> None:
    """G6; until then there is silence."""
    client = world.sotw()
    client.ask("endpoints", ["ns/c/http"])
    told = client.settle()
    assert all(resources == {} for _, resources, _ in told)

    world.put(endpoints("c"))

    assert client.says() == [("endpoints", {"ns/c/http": "1"}, [])]


# S7, after a changed cluster


def test_a_changed_cluster_gets_its_load_assignment_again(world: World) -> None:
    """Envoy warms it anew, and its next request of endpoints looks like an acknowledgement."""
    client = world.sotw()
    client.ask("clusters")
    client.settle()
    client.ask("endpoints", ["ns/a/http", "ns/b/http"])
    client.settle()

    world.put(row("clusters/ns/a/80", "2", ["endpoints/ns/a/http"]))

    assert client.says() == [
        ("clusters", {"ns/a/80": "2", "ns/b/80": "1"}, []),
        ("endpoints", {"ns/a/http": "1"}, []),
    ]


def test_a_changed_virtual_host_changes_its_route_configuration(world: World) -> None:
    """A State-of-the-World client has no VHDS."""
    client = world.sotw()
    client.ask("routes", ["ingress_http"])
    client.settle()

    world.put(host("a", "2"))

    (answer,) = client.pull()
    hosts = {
        found.name: found.request_headers_to_remove[0]
        for found in answer.messages["ingress_http"].virtual_hosts
    }
    assert hosts == {"ingress_http/a.example.com": "2", "ingress_http/b.example.com": "1"}


def test_an_acknowledgement_is_met_with_silence(world: World) -> None:
    """G4: also one that repeats its names."""
    client = world.sotw()
    client.ask("clusters")
    client.ask("endpoints", ["ns/a/http"])
    client.settle()
    client.ask("endpoints", ["ns/a/http"])

    assert client.says() == []
