"""What the annotations of a Service, and the appProtocol of its ports, do to its clusters."""

import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2
from google.protobuf.json_format import MessageToDict

from tests.stories.meant import cluster
from tests.stories.objects import Object, ingress, service
from tests.stories.world import Envoy, Kube

PREFIX = "projectcontour.io/"
ADS = "default/kuard/http"


def kuard(*ports: Object, **annotations: str) -> Object:
    """The Service with annotations: `max_connections` is `projectcontour.io/max-connections`, `h2c`
    …protocol.h2c.
    """
    item = service("kuard", *(ports or ({"port": 80, "name": "http"},)))
    named = {_name(name): value for name, value in annotations.items()}
    item["metadata"]["annotations"] = named
    return item


def _name(name: str) -> str:
    if name in {"tls", "h2", "h2c"}:
        return f"{PREFIX}upstream-protocol.{name}"
    return PREFIX + name.replace("_", "-")


def speech(held: cluster_pb2.Cluster) -> str:
    """What a cluster's endpoints are spoken to in."""
    http = "2" if held.typed_extension_protocol_options else "1"
    if not held.HasField("transport_socket"):
        return http
    context = tls_pb2.UpstreamTlsContext.FromString(held.transport_socket.typed_config.value)
    return f"{http} TLS {','.join(context.common_tls_context.alpn_protocols)}".strip()


@pytest.mark.parametrize(
    ("annotations", "meant"),
    [
        ({"max_connections": "1"}, {"thresholds": [{"max_connections": 1}]}),
        ({"max_pending_requests": "20"}, {"thresholds": [{"max_pending_requests": 20}]}),
        ({"max_requests": "300"}, {"thresholds": [{"max_requests": 300}]}),
        ({"max_retries": "4"}, {"thresholds": [{"max_retries": 4}]}),
        ({"per_host_max_connections": "5"}, {"per_host_thresholds": [{"max_connections": 5}]}),
        ({"max_connections": "4294967295"}, {"thresholds": [{"max_connections": 4294967295}]}),
        (
            {"max_connections": "1", "max_retries": " 2 ", "per_host_max_connections": "3"},
            {
                "thresholds": [{"max_connections": 1, "max_retries": 2}],
                "per_host_thresholds": [{"max_connections": 3}],
            },
        ),
        ({"max_connections": "0"}, None),
    ],
)
def test_limits_are_circuit_breakers_of_every_cluster_of_the_service(
    kube: Kube, envoy: Envoy, annotations: dict[str, str], meant: Object | None
) -> None:
    """0 is Envoy's own bound, as absence is. The cluster keeps its name: it is the Service's setting."""
    kube.apply(ingress("web", to="kuard:80"), kuard(**annotations))

    held = MessageToDict(envoy.clusters["default/kuard/80"], preserving_proto_field_name=True)

    assert held.get("circuit_breakers") == meant
    assert kube.problems == ()


@pytest.mark.parametrize(
    "value", ["", "-1", "many", "1.5", "4294967296", "1e3", "0x10", "\uff11", "9" * 5000]
)
def test_a_limit_that_is_no_number_is_told_and_the_default_holds(
    kube: Kube, envoy: Envoy, value: str
) -> None:
    """Nothing else of the Service is affected."""
    kube.apply(ingress("web", to="kuard:80"), kuard(max_connections=value))

    assert envoy.clusters == {"default/kuard/80": cluster(eds=ADS)}
    assert kube.reasons == [
        f"Service/default/kuard InvalidAnnotation metadata.annotations.{PREFIX}max-connections"
    ]


@pytest.mark.parametrize(
    ("port", "annotations", "meant"),
    [
        ({}, {}, "1"),
        ({}, {"tls": "http"}, "1 TLS"),
        ({}, {"tls": "80"}, "1 TLS"),
        ({}, {"h2": "http"}, "2 TLS h2"),
        ({}, {"h2c": "http"}, "2"),
        ({}, {"h2c": " other , 80 "}, "2"),
        ({}, {"h2c": "other"}, "1"),
        ({"appProtocol": "kubernetes.io/h2c"}, {}, "2"),
        ({"appProtocol": "kubernetes.io/ws"}, {}, "1"),
        ({"appProtocol": "kubernetes.io/wss"}, {}, "1 TLS"),
        ({"appProtocol": "https"}, {}, "1 TLS"),
        ({"appProtocol": "http"}, {}, "1"),
        ({"appProtocol": "example.com/own"}, {}, "1"),
        ({"appProtocol": "http"}, {"h2c": "http"}, "1"),
        ({"appProtocol": "https"}, {"h2c": "80"}, "1 TLS"),
        ({"appProtocol": "kubernetes.io/h2c"}, {"tls": "http"}, "2"),
        ({"appProtocol": "example.com/own"}, {"h2": "http"}, "2 TLS h2"),
    ],
)
def test_app_protocol_comes_before_the_annotation(
    kube: Kube, envoy: Envoy, port: Object, annotations: dict[str, str], meant: str
) -> None:
    """By name or by number of the port; an appProtocol that means nothing to us says nothing."""
    ports = {"port": 80, "name": "http"} | port, {"port": 81, "name": "other"}
    kube.apply(ingress("web", to="kuard:80"), kuard(*ports, **annotations))

    assert speech(envoy.clusters["default/kuard/80"]) == meant
    assert kube.problems == ()


def test_upstream_tls_offers_1_3_and_sends_no_name_nor_looks_at_the_certificate(
    kube: Kube, envoy: Envoy
) -> None:
    """Written out: a Service in the cluster has no name that its certificate could be checked against."""
    kube.apply(ingress("web", to="kuard:80"), kuard(tls="80"))

    socket = envoy.clusters["default/kuard/80"].transport_socket
    context = tls_pb2.UpstreamTlsContext.FromString(socket.typed_config.value)

    assert socket.name == "envoy.transport_sockets.tls"
    assert MessageToDict(context, preserving_proto_field_name=True) == {
        "common_tls_context": {
            "tls_params": {
                "tls_minimum_protocol_version": "TLSv1_2",
                "tls_maximum_protocol_version": "TLSv1_3",
            }
        }
    }


@pytest.mark.parametrize(
    ("annotations", "meant", "told"),
    [
        ({"h2c": "nowhere"}, "1", ["h2c"]),
        ({"h2c": "81"}, "1", ["h2c"]),
        ({"tls": "80", "h2": "80"}, "1 TLS", ["h2"]),
        ({"h2": "80", "h2c": "80"}, "2", ["h2"]),
        ({"tls": "a,b,c,d,e,f,g,h,i,j,k,l,m"}, "1", ["tls"] * 10),
    ],
)
def test_a_port_that_is_not_there_or_named_twice_is_told(
    kube: Kube, envoy: Envoy, annotations: dict[str, str], meant: str, told: list[str]
) -> None:
    """Of two protocols TLS counts before h2c, and h2c before h2."""
    kube.apply(ingress("web", to="kuard:80"), kuard(**annotations))

    field = f"Service/default/kuard InvalidAnnotation metadata.annotations.{PREFIX}upstream-protocol"
    assert speech(envoy.clusters["default/kuard/80"]) == meant
    assert kube.reasons == [f"{field}.{name}" for name in told]


def test_a_setting_changes_the_clusters_of_its_service_alone(kube: Kube, envoy: Envoy) -> None:
    """In place, by number and by name; the neighbour's stays, and the host is not even sent again."""
    rules = [ingress(name, to=f"{to}", host=f"{name}.com") for name, to in WEBS.items()]
    kube.apply(*rules, kuard(), service("other", (80, "http")))
    before, hosts = envoy.clusters, envoy.hosts

    kube.apply(kuard(max_requests="7"))

    changed = {name for name, held in envoy.clusters.items() if before[name] != held}
    assert changed == {"default/kuard/80", "default/kuard/http"}
    assert (envoy.clusters.keys(), envoy.hosts) == (before.keys(), hosts)


WEBS = {"a": "kuard:80", "b": "kuard:http", "c": "kuard:80", "d": "other:80"}


@pytest.mark.parametrize(
    ("item", "names", "told"),
    [
        ("Ingress", ["projectcontour.io/response-timout"], ["response-timout"]),
        ("Ingress", ["projectcontour.io/max-connections"], ["max-connections"]),
        ("Ingress", ["isoline.dev/x", "projectcontour.io/y"], ["isoline.dev/x", "y"]),
        ("Ingress", ["ingress.kubernetes.io/rewrite-target", "nginx.ingress.kubernetes.io/x", "x"], []),
        ("Service", ["projectcontour.io/response-timeout"], ["response-timeout"]),
        ("Service", ["projectcontour.io/upstream-protocol.http3"], ["upstream-protocol.http3"]),
        ("Service", ["service.beta.kubernetes.io/x", "x"], []),
    ],
)
def test_an_unknown_annotation_under_our_prefixes_is_told_once(
    kube: Kube, envoy: Envoy, item: str, names: list[str], told: list[str]
) -> None:
    """Those of a kind that it means nothing on too; what other controllers read is theirs."""
    objects = {"Ingress": ingress("web", to="kuard:80"), "Service": kuard()}
    objects[item]["metadata"]["annotations"] = dict.fromkeys(names, "1")
    kube.apply(*objects.values())

    ref = {"Ingress": "Ingress/default/web", "Service": "Service/default/kuard"}[item]
    full = [name if "/" in name else PREFIX + name for name in told]
    assert kube.reasons == [f"{ref} UnknownAnnotation metadata.annotations.{name}" for name in full]
    assert envoy.clusters == {"default/kuard/80": cluster(eds=ADS)}


def test_a_misspelled_annotation_is_told_with_the_one_that_may_be_meant(kube: Kube) -> None:
    """And nothing is said of an Ingress that is another's."""
    annotations = {"projectcontour.io/respons-timeout": "5s"}
    kube.apply(ingress("web", to="kuard:80", annotations=annotations), kuard())
    kube.apply(ingress("not-ours", to="kuard:80", annotations=annotations, ingressClassName="nginx"))

    assert kube.problems == (
        (
            "Ingress/default/web: UnknownAnnotation: metadata.annotations.projectcontour.io/respons-timeout: "
            "projectcontour.io/respons-timeout is no annotation that isoline reads; "
            "is projectcontour.io/response-timeout meant?"
        ),
    )
