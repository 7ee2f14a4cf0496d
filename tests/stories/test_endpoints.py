"""Which endpoints Envoy holds, of slices as Kubernetes writes them."""

import pytest

from tests.stories.meant import cluster, endpoints
from tests.stories.objects import Object, endpoint, ingress, service, slice_
from tests.stories.world import Envoy, Kube

WEB = ingress("web", to="kuard:80"), service("kuard", (80, "http"))


@pytest.mark.parametrize(
    ("listed", "meant"),
    [
        ([endpoint("10.0.0.1")], ["10.0.0.1:80"]),
        ([endpoint("10.0.0.1", ready=True)], ["10.0.0.1:80"]),
        ([endpoint("10.0.0.1", ready=False)], []),
        ([endpoint("10.0.0.1", ready=False, serving=True, terminating=True)], ["10.0.0.1:80"]),
        ([endpoint("10.0.0.1", ready=False, serving=False, terminating=True)], []),
        ([endpoint("10.0.0.1", ready=False, serving=True)], []),
        (
            [endpoint("10.0.0.1", ready=False, serving=True, terminating=True), endpoint("10.0.0.2")],
            ["10.0.0.2:80"],
        ),
        (
            [endpoint("10.0.0.1", ready=False, serving=True, terminating=True), endpoint("10.0.0.1")],
            ["10.0.0.1:80"],
        ),
        ([{"addresses": ["10.0.0.2", "10.0.0.1", "10.0.0.2"]}], ["10.0.0.1:80", "10.0.0.2:80"]),
    ],
)
def test_ready_endpoints_are_used_and_draining_ones_when_nothing_else_is_left(
    kube: Kube, envoy: Envoy, listed: list[Object], meant: list[str]
) -> None:
    """An unknown `ready` counts as ready; `serving` and `terminating` together are draining."""
    kube.apply(*WEB, slice_("kuard", (80, "http"), *listed))

    assert envoy.endpoints == {"default/kuard/http": endpoints(*meant)}
    assert kube.problems == ()


def test_an_address_in_two_slices_counts_once(kube: Kube, envoy: Envoy) -> None:
    """It stands in both while it moves; a ready one before one that drains."""
    draining = endpoint("10.0.0.1", ready=False, serving=True, terminating=True)
    kube.apply(
        *WEB,
        slice_("kuard", (80, "http"), draining, "10.0.0.2", name="a"),
        slice_("kuard", (80, "http"), "10.0.0.1", "10.0.0.2", name="b"),
    )

    assert envoy.endpoints == {"default/kuard/http": endpoints("10.0.0.2:80", "10.0.0.1:80")}

    kube.delete("EndpointSlice/default/a")

    assert envoy.endpoints == {"default/kuard/http": endpoints("10.0.0.1:80", "10.0.0.2:80")}


def test_slices_differ_in_ports_and_families(kube: Kube, envoy: Envoy) -> None:
    """A named port may be another number in each slice; IPv6 has slices of its own; FQDN slices are
    ignored.
    """
    kube.apply(
        *WEB,
        slice_("kuard", (8080, "http"), "10.0.0.1", name="a"),
        slice_("kuard", (9090, "http"), "10.0.0.2", name="b"),
        slice_("kuard", (8080, "http"), "2001:db8::1", name="c", family="IPv6"),
        slice_("kuard", (8080, "http"), "pod.example.com", name="d", family="FQDN"),
        slice_("kuard", (1, "other"), "10.0.0.3", name="e"),
    )

    meant = endpoints("10.0.0.1:8080", "10.0.0.2:9090", "[2001:db8::1]:8080")
    assert envoy.endpoints == {"default/kuard/http": meant}
    assert kube.problems == ()


def test_an_ipv6_address_counts_once_however_it_is_written(kube: Kube, envoy: Envoy) -> None:
    """In its shortest form (RFC 5952), over all slices."""
    forms = "2001:db8::1", "2001:DB8::1", "2001:db8:0:0:0:0:0:1"
    kube.apply(
        *WEB,
        slice_("kuard", (80, "http"), *forms, family="IPv6"),
        slice_("kuard", (80, "http"), "2001:0db8::0001", family="IPv6", name="b"),
    )

    assert envoy.endpoints == {"default/kuard/http": endpoints("[2001:db8::1]:80")}
    assert kube.problems == ()


def test_a_headless_service_is_like_any_other(kube: Kube, envoy: Envoy) -> None:
    """Its slices are what counts, never its own address."""
    headless = service("kuard", {"port": 80, "name": "http", "targetPort": 8080}, clusterIP="None")
    kube.apply(WEB[0], headless, slice_("kuard", (8080, "http"), "10.0.0.1"))

    assert envoy.clusters == {"default/kuard/80": cluster(eds="default/kuard/http")}
    assert envoy.endpoints == {"default/kuard/http": endpoints("10.0.0.1:8080")}
    assert kube.problems == ()


def test_the_last_endpoint_leaves_an_empty_assignment_and_no_complaint(kube: Kube, envoy: Envoy) -> None:
    """Envoy then answers 503 by itself; cluster and host stay as they are, and the first endpoint is used."""
    one, none = slice_("kuard", (80, "http"), "10.0.0.1"), slice_("kuard", (80, "http"))
    kube.apply(*WEB, one)
    before, hosts = envoy.endpoints, envoy.hosts

    kube.apply(none)

    assert envoy.endpoints == {"default/kuard/http": endpoints()}
    assert envoy.hosts == hosts
    assert kube.problems == ()

    kube.apply(one)

    assert envoy.endpoints == before


def test_zones_are_localities(kube: Kube, envoy: Envoy) -> None:
    """In the order of their names, over all slices."""
    kube.apply(
        *WEB,
        slice_(
            "kuard", (80, "http"), endpoint("10.0.0.1", zone="b"), endpoint("10.0.0.2", zone="a"), name="x"
        ),
        slice_("kuard", (80, "http"), endpoint("10.0.0.3", zone="a"), "10.0.0.4", name="y"),
    )

    meant = endpoints("10.0.0.4:80", a=["10.0.0.2:80", "10.0.0.3:80"], b=["10.0.0.1:80"])
    assert envoy.endpoints == {"default/kuard/http": meant}


def test_a_slice_may_move_to_another_service(kube: Kube, envoy: Envoy) -> None:
    """Its label decides; the namespace is always the Service's own."""
    kube.apply(
        *WEB,
        slice_("kuard", (80, "http"), "10.0.0.1"),
        slice_("kuard", (80, "http"), "10.6.6.6", namespace="evil"),
    )
    kube.apply(slice_("other", (80, "http"), "10.0.0.1", name="kuard-1"))

    assert envoy.endpoints == {"default/kuard/http": endpoints()}


@pytest.mark.parametrize(
    ("family", "address"),
    [
        ("IPv4", "127.0.0.1"),
        ("IPv4", "169.254.169.254"),
        ("IPv4", "0.0.0.0"),  # noqa: S104 - data, no listener
        ("IPv4", "224.0.0.1"),
        ("IPv4", "100.100.100.200"),
        ("IPv6", "fd00:ec2::254"),
        ("IPv6", "::1"),
        ("IPv6", "fe80::1"),
        ("IPv6", "::"),
        ("IPv6", "::ffff:127.0.0.1"),
    ],
)
def test_a_cluster_s_slice_may_not_lead_to_envoy_itself(
    kube: Kube, envoy: Envoy, family: str, address: str
) -> None:
    """Loopback, link-local (the cloud's metadata), multicast, unspecified; the good addresses stay."""
    good = {"IPv4": "10.0.0.1", "IPv6": "2001:db8::1"}[family]
    kube.apply(*WEB, slice_("kuard", (80, "http"), good, address, family=family))

    assert envoy.endpoints == {"default/kuard/http": endpoints(f"{good}:80")}
    assert kube.reasons == ["EndpointSlice/default/kuard-1 EndpointRefused endpoints[1].addresses[0]"]


@pytest.mark.parametrize("options", [{"loopback_endpoints": "allow"}])
def test_a_folder_s_slice_may_lead_to_loopback(kube: Kube, envoy: Envoy) -> None:
    """Its owner is the operator."""
    kube.apply(*WEB, slice_("kuard", (80, "http"), "127.0.0.1"))

    assert envoy.endpoints == {"default/kuard/http": endpoints("127.0.0.1:80")}
    assert kube.problems == ()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"addressType": None}, ["InvalidField addressType"]),
        ({"addressType": "IPv5"}, ["InvalidField addressType"]),
        ({"endpoints": "10.0.0.1"}, ["InvalidField endpoints"]),
        ({"endpoints": [None]}, ["InvalidField endpoints[0]"]),
        ({"endpoints": [{"addresses": ["300.1.1.1"]}]}, ["InvalidField endpoints[0].addresses[0]"]),
        ({"endpoints": [{"addresses": ["2001:db8::1"]}]}, ["InvalidField endpoints[0].addresses[0]"]),
        ({"ports": [{"name": "http", "port": 70000}]}, ["InvalidField ports[0].port"]),
        ({"ports": [{"name": "http", "port": 80, "protocol": "UDP"}]}, []),
        ({"ports": [{"name": "http"}]}, []),
    ],
)
def test_what_no_slice_can_say_is_told_and_leaves_an_empty_assignment(
    kube: Kube, envoy: Envoy, change: Object, told: list[str]
) -> None:
    """Wrong types and values field by field; a UDP port, and a port without number, are not for us."""
    kube.apply(*WEB, slice_("kuard", (80, "http"), "10.0.0.1") | change)

    assert envoy.endpoints == {"default/kuard/http": endpoints()}
    assert kube.reasons == [f"EndpointSlice/default/kuard-1 {item}" for item in told]
