"""What holds of every stream, whatever it is for (rules G1 to G7)."""

import pytest
from envoy.service.discovery.v3 import discovery_pb2 as xds

from tests.xds.harness import URLS, World, cluster, endpoints, front, host, row, site
from xds_server.service import PeerError


@pytest.fixture
def world() -> World:
    """Two sites."""
    return World(site("a"), site("b"), front())


def test_a_type_that_nobody_knows_is_met_with_silence(world: World) -> None:
    """The stream goes on."""
    client = world.delta()

    client.ask("type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig", subscribe=["x"])
    assert client.says() == []

    client.ask("listeners")
    assert client.says() == [("listeners", {"ingress_http": "1"}, [])]


def test_a_type_without_service_of_the_set_is_met_with_silence(world: World) -> None:
    """Virtual hosts are Delta only."""
    client = world.sotw()

    client.ask("hosts", ["ingress_http/a.example.com"])

    assert client.says() == []


def test_a_request_without_type_is_refused_on_an_aggregated_stream(world: World) -> None:
    """Nobody can know what it is about."""
    for client in (world.delta(), world.sotw()):
        with pytest.raises(PeerError) as raised:
            client.ask("")

        assert raised.value.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize("url", ["", URLS["listeners"]])
def test_a_typed_stream_knows_its_type(world: World, url: str) -> None:
    """Its name may be left out."""
    for client in (world.delta("listeners"), world.sotw("listeners")):
        client.ask(url)

        assert client.says() == [("listeners", {"ingress_http": "1"}, [])]


def test_another_type_is_refused_on_a_typed_stream(world: World) -> None:
    """Silence would leave its client waiting."""
    for client in (world.delta("listeners"), world.sotw("listeners")):
        with pytest.raises(PeerError) as raised:
            client.ask("clusters")

        assert raised.value.code == "INVALID_ARGUMENT"


def test_a_node_may_be_repeated_and_may_not_change(world: World) -> None:
    """Its id names the client for as long as the stream lasts."""
    client = world.delta()
    client.ask("clusters")
    client._fresh = True
    client.ask("listeners")
    client._fresh = True
    client.node.id = "envoy-2"

    with pytest.raises(PeerError) as raised:
        client.ask("hosts")

    assert raised.value.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x0a\x7f", b"\x2a\x05abc"])
def test_bytes_that_are_no_request_end_the_stream(world: World, data: bytes) -> None:
    """As the peer's mistake, not as ours."""
    for client in (world.delta(), world.sotw()):
        with pytest.raises(PeerError):
            world.server.receive(client.stream, data)


def test_every_response_of_a_stream_has_a_nonce_of_its_own(world: World) -> None:
    """Also where two streams share a response, and one of them has had it before (checked in harness.py)."""
    first, second = world.envoy("a"), world.envoy("a")
    for content in "234":
        world.put(site("a", content))
        first.settle()
    second.settle()

    assert len({answer.nonce for answer in first.answers}) == len(first.answers)
    assert len({answer.nonce for answer in second.answers}) == len(second.answers)


def test_the_nonce_of_another_stream_means_nothing(world: World) -> None:
    """Nothing survives a stream (go-control-plane 388)."""
    old = world.delta()
    old.ask("listeners")
    nonce = old.pull()[0].nonce
    old.close()

    client = world.delta()
    client.ask("listeners", nonce=nonce)

    assert client.says() == [("listeners", {"ingress_http": "1"}, [])]


def test_a_name_asked_for_twice_is_told_once(world: World) -> None:
    """Envoy refuses a response that has a name twice."""
    client = world.delta()

    client.ask("endpoints", subscribe=["ns/a/http", "ns/a/http", "ns/none/http", "ns/none/http"])

    told = client.says()
    assert [name for _, resources, _ in told for name in resources] == ["ns/a/http"]
    assert [name for _, _, removed in told for name in removed] == ["ns/none/http"]


def test_a_name_that_is_subscribed_to_and_removed_is_never_in_both_lists(world: World) -> None:
    """Gone from the table, and asked for at the same time (harness.py looks at each response)."""
    client = world.delta()
    client.ask("listeners")
    client.settle()
    world.delete("listeners/ingress_http")

    client.ask("listeners", subscribe=["*", "ingress_http"])

    told = client.says()
    assert {name for _, _, removed in told for name in removed} == {"ingress_http"}
    assert all(resources == {} for _, resources, _ in told)


def test_two_servers_give_the_same_content_the_same_version() -> None:
    """Whatever came before, and in which order."""
    one = World(site("a", "old"), site("b"), front())
    one.put(site("a"))
    two = World(front(), site("b"), site("a"))
    for type_, names in (("clusters", []), ("hosts", []), ("routes", ["ingress_http"])):
        versions = []
        for world in (one, two):
            client = world.delta(type_)
            client.ask(type_, subscribe=names)
            client.settle()
            versions.append(client.versions(type_))
        assert versions[0] == versions[1] != {}


@pytest.mark.parametrize("type_", ["clusters", "listeners", "routes"])
def test_two_servers_give_the_same_set_the_same_version(type_: str) -> None:
    """So that a State-of-the-World client may move from one to the other."""
    one = World(site("a", "old"), site("b"), front())
    one.put(site("a"))
    two = World(front(), site("b"), site("a"))
    versions = []
    for world in (one, two):
        client = world.sotw(type_)
        client.ask(type_, ["ingress_http"] if type_ == "routes" else [])
        versions.append(client.pull()[-1].version)

    assert versions[0] == versions[1] != ""


def test_another_server_sends_nothing_to_who_has_it_all() -> None:
    """Which is what equal versions are for."""
    one, two = World(site("a"), front()), World(site("a"), front())
    old = one.envoy("a")

    client = two.delta()
    for type_, names in (
        ("clusters", []),
        ("endpoints", ["ns/a/http"]),
        ("listeners", []),
        ("routes", ["ingress_http"]),
        ("hosts", []),
    ):
        client.ask(type_, subscribe=names, initial=old.versions(type_))

    assert all((resources, removed) == ({}, []) for _, resources, removed in client.settle())


def test_an_unknown_fleet_gets_empty_answers(world: World) -> None:
    """And stands in the status, so that somebody can see why it serves nothing."""
    client = world.delta(fleet="elsewhere", node="lost")

    client.ask("clusters")
    client.ask("listeners")

    assert client.says() == [("clusters", {}, []), ("listeners", {}, [])]
    world.put(site("c"))
    assert client.says() == []
    (shown,) = world.server.status()["streams"]
    assert (shown["node"], shown["fleet"]) == ("lost", "elsewhere")


def test_nobody_is_answered_before_every_source_is_synced() -> None:
    """Half a table would delete the other half."""
    world = World(sources=2)
    client = world.delta()
    client.ask("clusters")
    world.put(cluster("a"), endpoints("a"), source=0)
    world.apply({**cluster("b"), **endpoints("b")}, source=1, synced=False)
    assert client.says() == []

    world.put(source=1)

    assert client.says() == [("clusters", {"ns/a/80": "1", "ns/b/80": "1"}, [])]


def test_a_table_that_is_synced_and_empty_is_told() -> None:
    """Empty is a value: each wildcard is answered."""
    world = World()
    client, whole = world.delta(), world.sotw()
    for type_ in ("clusters", "listeners"):
        client.ask(type_)
        whole.ask(type_)

    assert (client.says(), whole.says()) == ([], [])
    assert world.put()

    empty = [("clusters", {}, []), ("listeners", {}, [])]
    assert (client.says(), whole.says()) == (empty, empty)


def test_a_source_that_starts_again_takes_nothing_away(world: World) -> None:
    """Between its restart and its next whole table what is held is served."""
    client = world.envoy("a", "b")

    world.apply({}, synced=False)

    assert client.says() == []
    late = world.delta()
    late.ask("listeners")
    assert late.says() == [("listeners", {"ingress_http": "1"}, [])]


def test_equal_rows_are_no_change(world: World) -> None:
    """Nothing is sent when nothing changed."""
    client = world.envoy("a", "b")

    assert not world.put(site("a"), host("b"), front())

    assert client.says() == []


def test_streams_do_not_wait_for_one_another(world: World) -> None:
    """One that acknowledges nothing holds up nobody (O10)."""
    stuck, client = world.envoy("a"), world.envoy("a")
    world.put(host("c", to="a"))
    stuck.pull()

    world.put(host("d", to="a"))

    assert client.settle() == [
        ("hosts", {"ingress_http/c.example.com": "1", "ingress_http/d.example.com": "1"}, [])
    ]


def test_a_stream_that_is_behind_is_sent_what_is_newest(world: World) -> None:
    """Not what another one was sent meanwhile under the same name."""
    quick, slow = world.envoy("a"), world.envoy("a")
    world.put(host("a", "2"))
    quick.settle()
    world.put(host("a", "3"))

    assert slow.settle() == [("hosts", {"ingress_http/a.example.com": "3"}, [])]
    assert quick.settle() == [("hosts", {"ingress_http/a.example.com": "3"}, [])]


def test_a_server_forgets_what_is_long_gone(world: World) -> None:
    """A host that came and went costs nothing for ever; a stream that is behind is still told."""
    envoy = world.envoy("a")
    gone = [f"n{number:04}" for number in range(3_000)]
    world.put(*(host(name, to="a") for name in gone))
    envoy.settle()
    world.delete(*(f"hosts/ingress_http/{name}.example.com" for name in gone))
    world.put(host("a", "2"))
    told = envoy.settle()
    assert sum(len(removed) for _, _, removed in told) == 3_000

    world.put(host("a", "3"))

    assert len(world.server.table._entries["hosts"]) == 2
    assert envoy.settle() == [("hosts", {"ingress_http/a.example.com": "3"}, [])]


def test_rows_of_types_to_come_are_passed_over(world: World) -> None:
    """A newer translator may publish more."""
    world.put({**row("listeners/new"), "runtimes/x": row("listeners/x")["listeners/x"]})
    client = world.delta()

    client.ask("listeners")

    assert client.says() == [("listeners", {"ingress_http": "1", "new": "1"}, [])]


def test_a_server_is_silent_to_who_has_asked_nothing() -> None:
    """There is nothing to say."""
    assert World(site("a")).delta().says() == []


def test_no_resource_has_a_time_to_live(world: World) -> None:
    """An Envoy that loses its server keeps what it has (H1)."""
    client = world.envoy("a", "b")

    responses = [xds.DeltaDiscoveryResponse.FromString(answer.data) for answer in client.answers]

    assert [item.name for found in responses for item in found.resources if item.HasField("ttl")] == []


def test_who_acknowledges_nothing_is_not_sent_more_and_more(world: World) -> None:
    """It is told what is newest once it has said what became of the first hundred."""
    client = world.envoy("a", "b")
    for number in range(1_000):
        world.put(host("a", f"n{number}"))
        client.pull()
    assert len(client.unanswered) <= 100

    client.ack()

    assert client.settle() == [("hosts", {"ingress_http/a.example.com": "n999"}, [])]
