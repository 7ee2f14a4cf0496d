"""Which clusters and load assignments Envoy holds."""

import pytest

from tests.stories.meant import cluster, endpoints
from tests.stories.objects import ingress, service, slice_
from tests.stories.world import Envoy, Kube

ALL = pytest.mark.parametrize("options", [{"clusters": "all"}])


def test_a_renamed_port_keeps_its_cluster_and_moves_its_endpoints(kube: Kube, envoy: Envoy) -> None:
    """
    A cluster is named by port number, so renaming the port keeps the cluster; only the endpoint
    name below it changes, and nothing of the old name is left.
    """
    kube.apply(ingress("web", to="kuard:80"), service("kuard", (80, "http")))

    assert envoy.clusters == {"default/kuard/80": cluster(eds="default/kuard/http")}
    assert envoy.endpoints == {"default/kuard/http": endpoints()}

    kube.apply(service("kuard", (80, "web")))

    assert envoy.clusters == {"default/kuard/80": cluster(eds="default/kuard/web")}
    assert envoy.endpoints == {"default/kuard/web": endpoints()}
    assert kube.problems == ()


@ALL
def test_cluster_rename_update_delete(kube: Kube, envoy: Envoy) -> None:
    """The talk's TestClusterRenameUpdateDelete: no cluster of a former port or name is ever left."""
    http, https, admin = (cluster(eds=f"default/kuard/{name}") for name in ("http", "https", "admin"))
    kube.apply(service("kuard", (80, "http"), (443, "https")))

    number = {"default/kuard/80": http, "default/kuard/443": https}
    assert envoy.clusters == number | {"default/kuard/http": http, "default/kuard/https": https}

    kube.apply(service("kuard", (8080, "admin")))

    assert envoy.clusters == {"default/kuard/8080": admin, "default/kuard/admin": admin}
    assert envoy.endpoints == {"default/kuard/admin": endpoints()}

    kube.delete("Service/default/kuard")

    assert envoy.clusters == envoy.endpoints == {}
    assert kube.problems == ()


@ALL
def test_a_port_without_name_has_one_cluster_and_udp_none(kube: Kube, envoy: Envoy) -> None:
    """Every TCP port is a cluster by its number and, where it has one, by its name."""
    kube.apply(service("dns", {"port": 53, "protocol": "UDP", "name": "dns"}), service("web", 80))

    assert envoy.clusters == {"default/web/80": cluster(eds="default/web")}
    assert envoy.endpoints == {"default/web": endpoints()}


def test_a_port_of_h2c_is_spoken_to_in_http2(kube: Kube, envoy: Envoy) -> None:
    """`appProtocol: kubernetes.io/h2c` on the Service's port; without it, HTTP/1.1."""
    h2c = {"port": 80, "name": "http", "appProtocol": "kubernetes.io/h2c"}
    kube.apply(ingress("web", to="kuard:80"), service("kuard", h2c))

    assert envoy.clusters == {"default/kuard/80": cluster(eds="default/kuard/http", http2=True)}

    kube.apply(service("kuard", (80, "http")))

    assert envoy.clusters == {"default/kuard/80": cluster(eds="default/kuard/http")}
    assert kube.problems == ()


def test_a_service_that_no_route_names_has_no_cluster(kube: Kube, envoy: Envoy) -> None:
    """With `--clusters referenced`, the default."""
    kube.apply(service("kuard", (80, "http")), slice_("kuard", (8080, "http"), "10.0.0.1"))

    assert envoy.clusters == envoy.endpoints == {}


@pytest.mark.parametrize("order", ["service first", "slice first", "together"])
def test_endpoints_are_found_in_whichever_order_they_come(kube: Kube, envoy: Envoy, order: str) -> None:
    """A Service before its endpoints and after them ends the same."""
    steps = [service("kuard", (80, "http")), slice_("kuard", (8080, "http"), "10.0.0.2", "10.0.0.1")]
    kube.apply(ingress("web", to="kuard:80"))

    if order == "together":
        kube.apply(*steps)
    else:
        for step in steps if order == "service first" else reversed(steps):
            kube.apply(step)

    assert envoy.endpoints == {"default/kuard/http": endpoints("10.0.0.1:8080", "10.0.0.2:8080")}
    assert kube.problems == ()


def test_two_ports_of_a_service_are_two_clusters_and_one_load_assignment_each(
    kube: Kube, envoy: Envoy
) -> None:
    """A route that names the port by name has a cluster of its own, over the same endpoints."""
    kube.apply(
        ingress("number", to="kuard:80", host="a.example.com"),
        ingress("name", to="kuard:http", host="b.example.com"),
        service("kuard", (80, "http"), (443, "https")),
    )

    http = cluster(eds="default/kuard/http")
    assert envoy.clusters == {"default/kuard/80": http, "default/kuard/http": http}
    assert envoy.endpoints == {"default/kuard/http": endpoints()}


def test_everything_deleted_leaves_the_listeners_alone(kube: Kube, envoy: Envoy) -> None:
    """An empty answer is an answer."""
    things = (
        ingress("web", to="kuard:80"),
        service("kuard", (80, "http")),
        slice_("kuard", (1, "http"), "10.0.0.1"),
    )
    kube.apply(*things)

    kube.delete(*things)

    assert envoy.hosts == envoy.clusters == envoy.endpoints == {}
    assert sorted(envoy.listeners) == sorted(envoy.routes) == ["ingress_http", "ingress_https"]
    assert kube.problems == ()
