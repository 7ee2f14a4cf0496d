"""A real Envoy on our xDS server: one bad resource costs nothing else, and it waits for nothing."""

import json
from collections.abc import Iterator

import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.router.v3.router_pb2 import Router
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from google.protobuf.message import Message

from runtime.link.row import Row
from tests.support.background import Background
from tests.support.deadline import wait_until
from tests.support.envoy import Envoy
from tests.support.port import free_port
from tests.xds.serving import Serving

pytestmark = [pytest.mark.envoy, pytest.mark.process]

GOOD, BAD = "/[a-z]+", "/("


def row(key: str, message: Message, *needs: str) -> dict[str, Row]:
    return {key: Row.of(message.SerializeToString(deterministic=True), needs)}


def listener(name: str) -> dict[str, Row]:
    """With its route configuration, which has no hosts yet."""
    manager = HttpConnectionManager(stat_prefix=name)
    manager.rds.route_config_name = name
    manager.rds.config_source.ads.SetInParent()
    manager.rds.config_source.resource_api_version = 2
    manager.http_filters.add(name="envoy.filters.http.router").typed_config.Pack(Router())
    found = Listener(name=name)
    address = found.address.socket_address
    address.address, address.port_value = "127.0.0.1", free_port()
    chain = found.filter_chains.add()
    chain.filters.add(name="envoy.filters.network.http_connection_manager").typed_config.Pack(manager)
    routes = RouteConfiguration(name=name)
    return row(f"listeners/{name}", found, f"routes/{name}") | row(f"routes/{name}", routes)


def host(number: int, regex: str = GOOD, domain: str = "") -> dict[str, Row]:
    """Answers by itself."""
    name = f"ingress_http/h{number:02}"
    found = VirtualHost(name=name, domains=[domain or f"h{number:02}.example.com"])
    route = found.routes.add()
    route.match.safe_regex.regex = regex
    route.direct_response.status = 200
    return row(f"hosts/{name}", found)


def cluster(timeout: int) -> dict[str, Row]:
    """Cluster `ns/a/80`, whose load assignment never changes."""
    found = Cluster(name="ns/a/80", type=Cluster.EDS)
    found.connect_timeout.seconds = timeout
    found.eds_cluster_config.service_name = "ns/a/http"
    found.eds_cluster_config.eds_config.ads.SetInParent()
    found.eds_cluster_config.eds_config.resource_api_version = 2
    assignment = ClusterLoadAssignment(cluster_name="ns/a/http")
    endpoint = assignment.endpoints.add().lb_endpoints.add().endpoint.address.socket_address
    endpoint.address, endpoint.port_value = "127.0.0.1", 9
    return row("clusters/ns/a/80", found, "endpoints/ns/a/http") | row("endpoints/ns/a/http", assignment)


@pytest.fixture(params=["DELTA_GRPC", "GRPC"])
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def serving(background: Background) -> Iterator[Serving]:
    with Serving(background) as made:
        yield made


@pytest.fixture
def envoy(serving: Serving, api: str) -> Iterator[Envoy]:
    with Envoy(serving.address, api=api) as made:
        yield made


def holds(serving: Serving, envoy: Envoy, numbers: set[int]) -> None:
    """Waits until it has these hosts and no other."""
    envoy.lives()
    names = {f"ingress_http/h{number:02}" for number in numbers}
    wait_until(
        lambda: set(envoy.admin.hosts()) == names, f"{len(names)} hosts", of=[serving.program, envoy.program]
    )


def waited(envoy: Envoy) -> dict[str, int]:
    """What it has waited for in vain, 15 s each."""
    stats = json.loads(envoy.admin.get("/stats?filter=init_fetch_timeout&format=json"))["stats"]
    return {stat["name"]: stat["value"] for stat in stats if stat.get("value")}


@pytest.mark.parametrize("api", ["DELTA_GRPC"], indirect=True)
def test_a_bad_host_among_fifty_good_ones_costs_none_of_them(serving: Serving, envoy: Envoy) -> None:
    """Envoy refuses a response whole; in the end exactly the bad one is refused, and then mended."""
    serving.put(listener("ingress_http"), *map(host, range(50)), host(50, BAD))

    holds(serving, envoy, set(range(50)))
    serving.until(lambda: serving.rejections == {"hosts/ingress_http/h50|envoy-1"}, "the rejection")

    serving.put(host(50))

    holds(serving, envoy, set(range(51)))
    serving.until(lambda: serving.rejections == set(), "no rejection")


@pytest.mark.parametrize("api", ["DELTA_GRPC"], indirect=True)
def test_a_host_that_turns_bad_is_served_as_it_was(serving: Serving, envoy: Envoy) -> None:
    """And another change beside it arrives."""
    serving.put(listener("ingress_http"), *map(host, range(3)))
    holds(serving, envoy, {0, 1, 2})

    serving.put(host(1, BAD), host(3))

    holds(serving, envoy, {0, 1, 2, 3})
    serving.until(lambda: serving.rejections == {"hosts/ingress_http/h01|envoy-1"}, "the rejection")
    assert envoy.admin.hosts()["ingress_http/h01"]["routes"][0]["match"]["safe_regex"]["regex"] == GOOD


@pytest.mark.parametrize("api", ["DELTA_GRPC"], indirect=True)
def test_of_two_hosts_with_one_domain_the_first_stays(serving: Serving, envoy: Envoy) -> None:
    """A conflict that our translator never makes; each alone would be good."""
    serving.put(listener("ingress_http"), *map(host, range(10)))
    holds(serving, envoy, set(range(10)))

    serving.put(host(10, domain="h03.example.com"), host(11))

    holds(serving, envoy, {*range(10), 11})
    serving.until(lambda: serving.rejections == {"hosts/ingress_http/h10|envoy-1"}, "the rejection")


def test_nothing_is_waited_for_in_vain(serving: Serving, envoy: Envoy) -> None:
    """Two listeners, of which one has no host; none of Envoy's 15 seconds passes."""
    serving.put(listener("ingress_http"), listener("ingress_https"), host(1), cluster(1))

    envoy.lives()

    holds(serving, envoy, {1})
    assert envoy.admin.listeners() == {"ingress_http", "ingress_https"}
    assert waited(envoy) == {}


def test_a_changed_cluster_is_active_at_once(serving: Serving, envoy: Envoy) -> None:
    """It warms by its unchanged load assignment, which is sent again."""
    serving.put(listener("ingress_http"), cluster(1))
    envoy.lives()
    done = len(serving.deliveries)

    serving.put(cluster(2))

    serving.until(lambda: len(serving.deliveries) > done, "the delivery")
    (entry,) = envoy.admin.dump("dynamic_active_clusters")
    assert entry["cluster"]["connect_timeout"] == "2s"
    assert (json.loads(serving.deliveries[-1])["complete"], waited(envoy)) == (True, {})


def test_what_was_held_at_a_restart_of_the_server_is_not_sent_again(serving: Serving, envoy: Envoy) -> None:
    """Nor is anything lost meanwhile."""
    serving.put(listener("ingress_http"), *map(host, range(5)), cluster(1))
    holds(serving, envoy, set(range(5)))
    before = updates(envoy)
    assert len(before) == 2

    serving.program.terminate()
    serving.launch()
    serving.put(host(5))

    holds(serving, envoy, set(range(6)))
    assert updates(envoy) == before
    assert (envoy.admin.clusters(), envoy.admin.rejected()) == ({"ns/a/80"}, {})


def updates(envoy: Envoy) -> dict[str, int]:
    """How often Envoy has rebuilt listeners, clusters."""
    stats = json.loads(envoy.admin.get("/stats?format=json"))["stats"]
    wanted = {"listener_manager.listener_modified", "cluster_manager.cluster_modified"}
    return {stat["name"]: stat["value"] for stat in stats if stat.get("name") in wanted}
