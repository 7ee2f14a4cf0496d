"""Services of type ExternalName: off unless asked for, and never back to Envoy itself."""

import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2
from google.protobuf.json_format import MessageToDict

from tests.stories.meant import cluster, endpoints, host, route
from tests.stories.objects import Object, ingress, service, slice_
from tests.stories.world import Envoy, Kube

ON = pytest.mark.parametrize("options", [{"enable_external_name": True}])
ALL = pytest.mark.parametrize("options", [{"enable_external_name": True, "clusters": "all"}])
WEB = ingress("web", to="outside:80")
ROUTE = "spec.rules[0].http.paths[0].backend.service.name"


def outside(name: object, *ports: Object) -> Object:
    """The Service `outside` of that external name."""
    return service(
        "outside", *(ports or ({"port": 80, "name": "http"},)), type="ExternalName", externalName=name
    )


def test_external_names_are_off_by_default(kube: Kube, envoy: Envoy) -> None:
    """The route answers 503, and its owner is told what to do; the Service itself is not wrong."""
    kube.apply(WEB, outside("api.example.org"))

    assert envoy.hosts["shop.example.com"] == host(
        "shop.example.com", route(status=503, of="web", prefix="/")
    )
    assert envoy.clusters == {}
    assert kube.reasons == [f"Ingress/default/web ExternalNameDisabled {ROUTE}"]


@ON
def test_an_external_name_is_a_cluster_of_strict_dns(kube: Kube, envoy: Envoy) -> None:
    """At the Service's port, never its targetPort; no load assignment, whatever slices there are."""
    port = {"port": 80, "name": "http", "targetPort": 8080}
    kube.apply(WEB, outside("API.example.org", port), slice_("outside", (80, "http"), "10.0.0.1"))

    address = {"socket_address": {"address": "api.example.org", "port_value": 80}}
    listed = {
        "cluster_name": "default/outside/80",
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
    }
    held = MessageToDict(envoy.clusters["default/outside/80"], preserving_proto_field_name=True)
    assert held == {
        "type": "STRICT_DNS",
        "connect_timeout": "2s",
        "per_connection_buffer_limit_bytes": 32768,
        "dns_lookup_family": "V4_PREFERRED",
        "respect_dns_ttl": True,
        "load_assignment": listed,
    }
    assert envoy.endpoints == {}
    assert kube.problems == ()


@ON
@pytest.mark.parametrize(("name", "sni"), [("api.example.org", "api.example.org"), ("192.0.2.7", "")])
def test_an_external_host_with_tls_is_told_its_name(kube: Kube, envoy: Envoy, name: str, sni: str) -> None:
    """SNI is the external name, since the Host header is the client's; an address is no name."""
    kube.apply(WEB, outside(name, {"port": 80, "appProtocol": "https"}))

    socket = envoy.clusters["default/outside/80"].transport_socket
    assert tls_pb2.UpstreamTlsContext.FromString(socket.typed_config.value).sni == sni


NEVER = [
    "localhost",
    "LOCALHOST",
    "evil.localhost",
    "localhost.localdomain",
    "ip6-localhost",
    "127.0.0.1",
    "127.1.2.3",
    "0.0.0.0",  # noqa: S104 - data, no listener
    "169.254.169.254",
    "224.0.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "metadata",
    "metadata.google.internal",
    "instance-data.ec2.internal",
    "::1",
    "fd00:ec2::254",
    "api.example.org.",
    "-api.example.org",
    "a..b",
    "",
    "api.example.org\r\nx",
    "api.example.org/x",
    "user@example.org",
    "unix:/run/isoline/admin",
    "*.example.org",
    "ä.example.org",
    "a." * 200 + "org",
]


@ON
@pytest.mark.parametrize("name", NEVER)
def test_an_external_name_never_leads_to_envoy_itself_or_to_metadata(
    kube: Kube, envoy: Envoy, name: str
) -> None:
    """Nor is anything taken that is no DNS name; the Service is told why, and the Ingress that its route is
    503.
    """
    kube.apply(WEB, outside(name))

    assert envoy.clusters == {}
    assert envoy.hosts["shop.example.com"] == host(
        "shop.example.com", route(status=503, of="web", prefix="/")
    )
    assert kube.reasons == [
        f"Ingress/default/web ExternalNameRefused {ROUTE}",
        "Service/default/outside ExternalNameRefused spec.externalName",
    ]


@ON
@pytest.mark.parametrize("name", ["10.0.0.1", "192.0.2.7", "api", "localhost.example.org", "1.example.org"])
def test_any_other_name_or_ipv4_address_is_taken(kube: Kube, envoy: Envoy, name: str) -> None:
    """An address as a name is an address that the operator lets through."""
    kube.apply(WEB, outside(name))

    (locality,) = envoy.clusters["default/outside/80"].load_assignment.endpoints
    assert locality.lb_endpoints[0].endpoint.address.socket_address.address == name
    assert kube.problems == ()


@ON
@pytest.mark.parametrize("name", [None, 7, ["a"]])
def test_an_external_name_that_is_missing_or_no_string_is_told(
    kube: Kube, envoy: Envoy, name: object
) -> None:
    """Field by field, as everything else."""
    kube.apply(WEB, outside(name))

    assert envoy.clusters == {}
    assert "Service/default/outside InvalidField spec.externalName" in kube.reasons


@ON
def test_a_service_may_become_external_and_come_back(kube: Kube, envoy: Envoy) -> None:
    """Under the same name; the load assignment goes and comes with its type."""
    inside = service("outside", (80, "http")), slice_("outside", (8080, "http"), "10.0.0.1")
    kube.apply(WEB, *inside)

    kube.apply(outside("api.example.org"))

    assert envoy.clusters["default/outside/80"].type == cluster_pb2.Cluster.STRICT_DNS
    assert envoy.endpoints == {}

    kube.apply(*inside)

    assert envoy.clusters == {"default/outside/80": cluster(eds="default/outside/http")}
    assert envoy.endpoints == {"default/outside/http": endpoints("10.0.0.1:8080")}
    assert kube.problems == ()


@ON
def test_a_port_that_an_external_service_does_not_have_is_told(kube: Kube, envoy: Envoy) -> None:
    """As with any other Service."""
    kube.apply(ingress("web", to="outside:81"), outside("api.example.org"))

    assert envoy.clusters == {}
    assert kube.reasons == [f"Ingress/default/web PortNotFound {ROUTE.removesuffix('name')}port.number"]


@ALL
def test_with_all_clusters_every_port_of_an_external_service_is_one(kube: Kube, envoy: Envoy) -> None:
    """By number and by name, and none of a refused one."""
    kube.apply(outside("api.example.org"))

    assert sorted(envoy.clusters) == ["default/outside/80", "default/outside/http"]

    kube.apply(outside("localhost"))

    assert envoy.clusters == {}
    assert kube.reasons == ["Service/default/outside ExternalNameRefused spec.externalName"]
