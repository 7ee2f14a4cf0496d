"""Delta xDS: what a stream is told, and what it is not (rules D1 to D9)."""

import pytest

from tests.xds.harness import Delta, World, endpoints, front, host, row, site


@pytest.fixture
def world() -> World:
    """Two sites."""
    return World(site("a"), site("b"), front())


# D1, the first request of a type


def test_a_first_request_without_names_gets_everything(world: World) -> None:
    """The wildcard of old: no names in the first request."""
    client = world.delta()

    client.ask("clusters")

    assert client.says() == [("clusters", {"ns/a/80": "1", "ns/b/80": "1"}, [])]


def test_a_first_wildcard_request_is_answered_though_there_is_nothing() -> None:
    """Envoy waits for it at its start."""
    client = World(front()).delta()

    client.ask("clusters")

    assert client.says() == [("clusters", {}, [])]


def reconnected(world: World, old: Delta, type_: str, *names: str) -> Delta:
    """A new stream of a client that holds what `old` was sent."""
    client = world.delta()
    client.ask(type_, subscribe=names, initial=old.versions(type_))
    return client


def test_who_connects_again_with_all_of_it_is_sent_nothing_of_it(world: World) -> None:
    """The wildcard is answered, empty; names are not answered at all."""
    old = world.envoy("a", "b")
    old.close()

    assert reconnected(world, old, "clusters").says() == [("clusters", {}, [])]
    assert reconnected(world, old, "hosts").says() == [("hosts", {}, [])]
    assert reconnected(world, old, "endpoints", "ns/a/http", "ns/b/http").says() == []


def test_who_connects_again_is_sent_what_differs(world: World) -> None:
    """Changed, new, and gone while it was away."""
    old = world.envoy("a", "b")
    old.close()
    world.put(host("a", "2"), host("c", to="a"), delete=["hosts/ingress_http/b.example.com"])

    client = reconnected(world, old, "hosts")
    told = client.settle()

    sent = {name: content for _, resources, _ in told for name, content in resources.items()}
    assert sent == {"ingress_http/a.example.com": "2", "ingress_http/c.example.com": "1"}
    assert [name for _, _, removed in told for name in removed] == ["ingress_http/b.example.com"]


def test_who_connects_again_loses_a_named_resource_that_is_gone(world: World) -> None:
    """Also when it is not a wildcard subscription."""
    world.put(row("secrets/ns/tls"))
    old = world.delta()
    old.ask("secrets", subscribe=["ns/tls"])
    old.settle()
    world.delete("secrets/ns/tls")

    client = reconnected(world, old, "secrets", "ns/tls")

    assert client.says() == [("secrets", {}, ["ns/tls"])]


# D2, subscribing later


def test_subscribing_is_answered_though_the_client_has_it(world: World) -> None:
    """It may have forgotten it; the skip of a first request is not for later ones."""
    client = world.delta()
    client.ask("endpoints", subscribe=["ns/a/http"])
    client.settle()

    client.ask("endpoints", subscribe=["ns/a/http"])

    assert client.says() == [("endpoints", {"ns/a/http": "1"}, [])]


def test_unsubscribing_and_subscribing_again_brings_it_again(world: World) -> None:
    """Unchanged as it is (go-control-plane 431)."""
    client = world.delta()
    client.ask("endpoints", subscribe=["ns/a/http", "ns/b/http"])
    client.settle()

    client.ask("endpoints", unsubscribe=["ns/a/http"])
    client.ask("endpoints", subscribe=["ns/a/http"])

    assert client.says() == [("endpoints", {"ns/a/http": "1"}, [])]


@pytest.mark.parametrize("first", [[], ["ns/a/http"]], ids=["at once", "later"])
def test_a_name_that_is_not_there_is_said_to_be_removed_and_comes_when_it_appears(
    world: World, first: list[str]
) -> None:
    """The subscription stays (G6)."""
    client = world.delta()
    if first:
        client.ask("endpoints", subscribe=first)
        client.settle()

    client.ask("endpoints", subscribe=["ns/c/http"])

    assert client.says() == [("endpoints", {}, ["ns/c/http"])]
    client.ack()

    world.put(endpoints("c"))

    assert client.says() == [("endpoints", {"ns/c/http": "1"}, [])]


# D3, unsubscribing


@pytest.mark.parametrize("name", ["ns/a/http", "ns/never/http"])
def test_unsubscribing_is_silent(world: World, name: str) -> None:
    """Also from what was never subscribed to."""
    client = world.delta()
    client.ask("endpoints", subscribe=["ns/a/http"])
    client.settle()

    client.ask("endpoints", unsubscribe=[name])

    assert client.says() == []


def test_a_name_unsubscribed_beside_the_wildcard_is_sent_again(world: World) -> None:
    """The client may have dropped it though the wildcard still covers it."""
    client = world.delta()
    client.ask("clusters", subscribe=["*", "ns/a/80"])
    client.settle()

    client.ask("clusters", unsubscribe=["ns/a/80"])

    assert client.says() == [("clusters", {"ns/a/80": "1"}, [])]


def test_a_missing_name_unsubscribed_beside_the_wildcard_is_said_to_be_removed(world: World) -> None:
    """The other half of the exception."""
    client = world.delta()
    client.ask("clusters", subscribe=["*", "ns/none/80"])
    client.settle()

    client.ask("clusters", unsubscribe=["ns/none/80"])

    assert client.says() == [("clusters", {}, ["ns/none/80"])]


def test_what_is_unsubscribed_while_it_waits_is_not_sent(world: World) -> None:
    """Nor is it waited for."""
    for names in ([], ["ingress_http/c.example.com"]):
        client = world.delta()
        client.ask("clusters")
        client.ask("hosts", subscribe=names)
        client.settle()
        world.put(host("c", to=f"none-{len(names)}"))
        assert client.says() == []

        client.ask("hosts", unsubscribe=names or ["*"])
        world.now += 5.1

        assert (client.says(), client.stream.deadline) == ([], None)


# D4, the wildcard


def changes_seen(world: World, client: Delta, content: str) -> list[str]:
    """Which of two changed listeners it is told of."""
    world.put(row("listeners/one", content), row("listeners/two", content))
    return [name for _, resources, _ in client.settle() for name in sorted(resources)]


def test_the_wildcard_of_old_lasts_until_it_is_unsubscribed(world: World) -> None:
    """The example in the protocol's text: [] is *; +one is * and one; -* is one; -one is nothing."""
    world.put(row("listeners/one"), row("listeners/two"))
    client = world.delta()
    client.ask("listeners")
    client.settle()

    client.ask("listeners", subscribe=["one"])
    client.settle()
    assert changes_seen(world, client, "2") == ["one", "two"]

    client.ask("listeners", unsubscribe=["*"])
    client.settle()
    assert changes_seen(world, client, "3") == ["one"]

    client.ask("listeners", unsubscribe=["one"])
    client.settle()
    assert changes_seen(world, client, "4") == []


def test_a_first_request_with_names_is_no_wildcard(world: World) -> None:
    """Until somebody says `*`."""
    world.put(row("listeners/one"), row("listeners/two"))
    client = world.delta()
    client.ask("listeners", subscribe=["one"])
    client.settle()
    assert changes_seen(world, client, "2") == ["one"]

    client.ask("listeners", subscribe=["*"])

    assert client.settle()[0][1].keys() >= {"two", "ingress_http"}
    assert changes_seen(world, client, "3") == ["one", "two"]


# D5, nonces


@pytest.mark.parametrize("nonce", ["", "1", "987654321", "not a number"])
def test_a_change_of_subscription_counts_with_any_nonce(world: World, nonce: str) -> None:
    """A nonce pairs an answer with a response, no more."""
    client = world.delta()
    client.ask("endpoints", subscribe=["ns/a/http"])
    client.settle()

    client.ask("endpoints", subscribe=["ns/b/http"], unsubscribe=["ns/a/http"], nonce=nonce)

    assert client.says() == [("endpoints", {"ns/b/http": "1"}, [])]
    world.put(endpoints("a", "2"))
    assert client.says() == []


# D7, D8, D9


def test_what_nobody_asked_for_is_not_sent(world: World) -> None:
    """An Envoy ignores it, and has to read it."""
    client = world.delta()
    client.ask("endpoints", subscribe=["ns/a/http"])
    client.settle()

    world.put(endpoints("b", "2"), row("secrets/ns/tls"))

    assert client.says() == []


def test_what_comes_back_as_it_was_is_sent_again(world: World) -> None:
    """A removal forgets the version."""
    client = world.delta()
    client.ask("listeners")
    client.settle()
    world.delete("listeners/ingress_http")
    assert client.settle() == [("listeners", {}, ["ingress_http"])]

    world.put(front())

    assert client.settle() == [("listeners", {"ingress_http": "1"}, [])]


def test_what_goes_and_comes_back_between_two_responses_ends_where_the_table_is(world: World) -> None:
    """Nothing is removed after it was sent."""
    client = world.delta()
    client.ask("listeners")
    client.settle()

    world.delete("listeners/ingress_http")
    world.put(front("2"))

    assert client.settle() == [("listeners", {"ingress_http": "2"}, [])]


def test_what_comes_and_goes_between_two_responses_is_not_told(world: World) -> None:
    """A name that the client never had is at most said to be removed."""
    client = world.delta()
    client.ask("listeners")
    client.settle()

    world.put(row("listeners/short"))
    world.delete("listeners/short")

    assert all(resources == {} for _, resources, _ in client.settle())


def test_a_large_first_table_comes_in_pieces() -> None:
    """6 MB in responses of at most 4 MB, that of gRPC's limit for a message."""
    world = World(*(row(f"clusters/c{number}", "x" * 1_500) for number in range(4_000)))
    client = world.delta()

    client.ask("clusters")
    answers = client.pull()

    assert max(len(answer.data) for answer in answers) <= 4 << 20
    assert len({name for answer in answers for name in answer.messages}) == 4_000


def test_an_acknowledgement_is_met_with_silence(world: World) -> None:
    """G4."""
    client = world.envoy("a", "b")

    world.put(site("a", "2"))
    assert client.settle() != []

    assert client.says() == []
    assert client.unanswered == []
