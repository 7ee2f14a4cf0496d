"""Virtual hosts: each a resource of its own where the client can take that, inlined for all others (VHDS)."""

from typing import Any

import pytest

from tests.xds.harness import Client, World, front, host, row, site

A, B = "ingress_http/a.example.com", "ingress_http/b.example.com"


@pytest.fixture
def world() -> World:
    """Two sites."""
    return World(site("a"), site("b"), front())


def route_configuration(client: Client) -> Any:  # noqa: ANN401 - a message of xds-protos
    """Asks for it."""
    client.ask("routes", ["ingress_http"])  # type: ignore[attr-defined]
    (answer,) = client.pull()
    return answer.messages["ingress_http"]


@pytest.mark.parametrize("version", [(1, 37, 0), (1, 40, 0), (2, 0, 0)])
def test_a_new_envoy_takes_its_hosts_one_by_one(world: World, version: tuple[int, int, int]) -> None:
    """`vhds` over the aggregated stream it has."""
    found = route_configuration(world.delta(version=version))

    assert list(found.virtual_hosts) == []
    assert found.vhds.config_source.HasField("ads")
    assert found.vhds.config_source.resource_api_version == 2


OTHERS: dict[str, dict[str, Any]] = {
    "an older Envoy": {"version": (1, 36, 2)},
    "an Envoy without version": {"version": (0, 0, 0)},
    "another client": {"agent": "grpc-go"},
    "the service of route configurations": {"type_": "routes"},
}


@pytest.mark.parametrize("options", OTHERS.values(), ids=OTHERS)
def test_any_other_client_gets_its_hosts_inlined(world: World, options: dict[str, Any]) -> None:
    """Sorted, so that the same hosts are the same bytes."""
    found = route_configuration(world.delta(**options))

    assert [(item.name, *item.request_headers_to_remove) for item in found.virtual_hosts] == [
        (A, "1"),
        (B, "1"),
    ]
    assert not found.HasField("vhds")


def test_a_client_of_sets_gets_its_hosts_inlined(world: World) -> None:
    """VHDS is Delta only, whatever the version."""
    found = route_configuration(world.sotw(version=(1, 40, 0)))

    assert [item.name for item in found.virtual_hosts] == [A, B]
    assert not found.HasField("vhds")


def test_hosts_that_are_inlined_are_those_of_the_route_configuration(world: World) -> None:
    """The name up to the last `/` says which: another one's are left out, also with a `/` in its name."""
    world.put(
        host("x", to="a", of="ingress_http/2"), host("y", to="a", of="ingress"), row("routes/ingress_http/2")
    )
    client = world.sotw()

    client.ask("routes", ["ingress_http", "ingress_http/2"])

    found = {name: item for answer in client.pull() for name, item in answer.messages.items()}
    assert [item.name for item in found["ingress_http"].virtual_hosts] == [A, B]
    assert [item.name for item in found["ingress_http/2"].virtual_hosts] == ["ingress_http/2/x.example.com"]


def test_an_inlined_host_that_goes_goes_from_its_route_configuration(world: World) -> None:
    """In Delta too."""
    client = world.delta(version=(1, 36, 0))
    route_configuration(client)
    client.ack()

    world.delete("hosts/ingress_http/a.example.com")

    (answer,) = client.pull()
    assert [item.name for item in answer.messages["ingress_http"].virtual_hosts] == [B]


def test_one_changed_host_is_one_resource(world: World) -> None:
    """Neither its route configuration nor any other host."""
    envoy = world.envoy("a", "b")

    world.put(host("a", "2"))

    assert envoy.settle() == [("hosts", {A: "2"}, [])]


def test_a_changed_route_configuration_is_sent_without_its_hosts(world: World) -> None:
    """Envoy keeps the hosts that it has."""
    envoy = world.envoy("a", "b")

    world.put(row("routes/ingress_http", "2"))

    assert envoy.settle() == [("routes", {"ingress_http": "2"}, [])]


def test_a_second_route_configuration_gets_its_hosts(world: World) -> None:
    """They had come while nobody wanted them, and Envoy passed them over."""
    world.put(row("routes/ingress_https"), host("s", to="a", of="ingress_https"))
    envoy = world.envoy("a", "b")

    envoy.ask("routes", subscribe=["ingress_https"])

    told = envoy.settle()
    assert told[0] == ("routes", {"ingress_https": "1"}, [])
    assert told[1][1]["ingress_https/s.example.com"] == "1"


def test_hosts_come_after_their_route_configuration(world: World) -> None:
    """Both new in one batch."""
    envoy = world.envoy("a", "b")
    envoy.ask("routes", subscribe=["ingress_https"])
    envoy.settle()

    world.put(row("routes/ingress_https"), host("s", to="a", of="ingress_https"))

    told = envoy.settle()
    assert told[0] == ("routes", {"ingress_https": "1"}, [])
    assert told[-1] == ("hosts", {"ingress_https/s.example.com": "1"}, [])


def test_a_route_configuration_without_hosts_is_answered() -> None:
    """Its listener waits for the first answer."""
    world = World(front())
    client = world.delta()
    client.ask("routes", subscribe=["ingress_http"])
    client.settle()

    client.ask("hosts")

    assert [(type_, resources) for type_, resources, _ in client.settle()] == [("hosts", {})]


def test_a_second_route_configuration_without_hosts_is_answered(world: World) -> None:
    """Also when the wildcard has long been answered."""
    envoy = world.envoy("a", "b")
    world.put(row("routes/ingress_https"))

    envoy.ask("routes", subscribe=["ingress_https"])

    assert [type_ for type_, _, _ in envoy.settle()] == ["routes", "hosts"]


def test_a_host_asked_for_by_name_that_is_not_there_is_an_empty_resource(world: World) -> None:
    """With the name as its alias: a request in Envoy waits for it."""
    envoy = world.envoy("a", "b")

    envoy.ask("hosts", subscribe=["ingress_http/nobody.example.com"])

    (answer,) = envoy.pull()
    assert answer.versions == {"ingress_http/nobody.example.com": ""}
    assert (answer.messages, answer.removed) == ({}, [])
    assert b"nobody.example.com" in answer.data


def test_a_host_asked_for_by_name_is_sent_though_the_wildcard_has_it(world: World) -> None:
    """On-demand discovery asks for what it does not know it has."""
    envoy = world.envoy("a", "b")

    envoy.ask("hosts", subscribe=[A])

    assert envoy.settle() == [("hosts", {A: "1"}, [])]


def test_the_service_of_virtual_hosts_gives_them_all(world: World) -> None:
    """To tools, and to an older Envoy that is told to use it."""
    client = world.delta("hosts")

    client.ask("hosts")

    assert client.settle() == [("hosts", {A: "1", B: "1"}, [])]


def test_who_connects_again_is_not_sent_its_hosts_again(world: World) -> None:
    """Though its route configurations are new on this stream (2,000 hosts are 2 MB)."""
    old = world.envoy("a", "b")
    client = world.delta()
    for type_, names in (("clusters", []), ("listeners", []), ("routes", ["ingress_http"]), ("hosts", [])):
        client.ask(type_, subscribe=names, initial=old.versions(type_))

    assert all((resources, removed) == ({}, []) for _, resources, removed in client.settle())


def test_who_connects_again_is_not_sent_its_hosts_with_a_changed_route_configuration(world: World) -> None:
    """It has had that, and its hosts, all the time."""
    old = world.envoy("a", "b")
    world.put(row("routes/ingress_http", "2"))
    client = world.delta()
    for type_, names in (("clusters", []), ("listeners", []), ("routes", ["ingress_http"]), ("hosts", [])):
        client.ask(type_, subscribe=names, initial=old.versions(type_))

    told = client.settle()

    assert ("routes", {"ingress_http": "2"}, []) in told
    assert [resources for type_, resources, _ in told if type_ == "hosts"] == [{}]


def test_who_connects_again_is_sent_a_route_configuration_whose_inlined_host_changed(world: World) -> None:
    """Its version is that of all that is in it."""
    old = world.delta("routes")
    old.ask("routes", subscribe=["ingress_http"])
    old.settle()
    world.put(host("a", "2"))

    client = world.delta("routes")
    client.ask("routes", subscribe=["ingress_http"], initial=old.versions("routes"))

    (answer,) = client.pull()
    assert [item.request_headers_to_remove[0] for item in answer.messages["ingress_http"].virtual_hosts] == [
        "2",
        "1",
    ]


def test_who_is_looked_at_before_it_has_spoken_is_served_as_who_it_is(world: World) -> None:
    """A stream is woken by the first table, perhaps before its first request has been read."""
    client = world.delta(agent="envoy", version=(1, 40, 0))
    assert client.stream.deadline is None
    assert world.server.pull(client.stream, world.now) is None

    client.ask("routes", subscribe=["ingress_http"])

    (answer,) = client.pull()
    assert answer.messages["ingress_http"].HasField("vhds")
