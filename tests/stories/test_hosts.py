"""Which hosts and routes Envoy holds, of one Ingress and of several."""

import pytest

from tests.stories.meant import host, route
from tests.stories.objects import ingress, path, rule, service
from tests.stories.world import Envoy, Kube

KUARD, OTHER = service("kuard", (80, "http")), service("other", (80, "http"))
TO = "default/kuard/80"
LABEL = r"[!-\-/-~]+"
ONE_LABEL = rf"{LABEL}(?:\.{LABEL}){{2}}"


def test_a_rule_is_a_virtual_host_with_its_route(kube: Kube, envoy: Envoy) -> None:
    """The route carries the name of the Ingress that asked for it."""
    kube.apply(ingress("web", to="kuard:80"), KUARD)

    assert envoy.hosts == {"shop.example.com": host("shop.example.com", route(TO, of="web", prefix="/"))}
    assert list(envoy.held("hosts")) == ["ingress_http/shop.example.com"]
    assert kube.routes("Ingress/default/web") == 1
    assert kube.problems == ()


def test_an_ingress_may_come_before_its_service(kube: Kube, envoy: Envoy) -> None:
    """Until the Service is there the route answers 503, and the user is told; then nothing of it is left."""
    kube.apply(ingress("web", to="kuard:80"))

    assert envoy.hosts == {
        "shop.example.com": host("shop.example.com", route(status=503, of="web", prefix="/"))
    }
    assert kube.problems == (
        (
            "Ingress/default/web: ServiceNotFound: spec.rules[0].http.paths[0].backend.service.name: "
            'path / names Service "kuard", which does not exist'
        ),
    )

    kube.apply(KUARD)

    assert envoy.hosts == {"shop.example.com": host("shop.example.com", route(TO, of="web", prefix="/"))}
    assert kube.problems == ()


def test_a_host_moves_from_one_ingress_to_another(kube: Kube, envoy: Envoy) -> None:
    """In one batch or in two, whichever comes first."""
    kube.apply(ingress("a", to="kuard:80"), KUARD, OTHER)

    kube.apply(ingress("a", to="kuard:80", host="else.example.com"), ingress("b", to="other:80"))

    assert envoy.hosts == {
        "shop.example.com": host("shop.example.com", route("default/other/80", of="b", prefix="/")),
        "else.example.com": host("else.example.com", route(TO, of="a", prefix="/")),
    }
    assert kube.problems == ()


def test_a_removed_rule_takes_its_host_along_and_no_other(kube: Kube, envoy: Envoy) -> None:
    """The other rule of the same Ingress is untouched."""
    both = rule("a.example.com", path("/", "kuard:80")), rule("b.example.com", path("/", "kuard:80"))
    kube.apply(ingress("web", *both), KUARD)

    kube.apply(ingress("web", both[1]))

    assert envoy.hosts == {"b.example.com": host("b.example.com", route(TO, of="web", prefix="/"))}


def test_a_switched_backend_replaces_the_cluster(kube: Kube, envoy: Envoy) -> None:
    """The new cluster is there, the old one is gone, the host stays."""
    kube.apply(ingress("web", to="kuard:80"), KUARD, OTHER)

    kube.apply(ingress("web", to="other:80"))

    assert envoy.hosts == {
        "shop.example.com": host("shop.example.com", route("default/other/80", of="web", prefix="/"))
    }
    assert list(envoy.clusters) == ["default/other/80"]
    assert list(envoy.endpoints) == ["default/other/http"]


def test_a_rule_without_http_is_no_route(kube: Kube, envoy: Envoy) -> None:
    """Its host is not even known."""
    kube.apply(ingress("web", rule("a.example.com")))

    assert envoy.hosts == {}
    assert kube.problems == ()


def test_a_wildcard_takes_one_label(kube: Kube, envoy: Envoy) -> None:
    """Envoy's own wildcard takes any number of labels, hence the expression."""
    kube.apply(ingress("web", rule("*.foo.com", path("/x", "kuard:80"))), KUARD)

    mine = route(TO, of="web", prefix="/x", authority=(ONE_LABEL, False))
    assert envoy.hosts == {"*.foo.com": host("*.foo.com", mine)}


def test_a_wildcard_sends_more_labels_to_the_rules_without_host(kube: Kube, envoy: Envoy) -> None:
    """As if it were not there; and when those rules go, nothing of them is left in it."""
    kube.apply(ingress("web", rule("*.foo.com", path("/x", "kuard:80"))), KUARD, OTHER)
    before = envoy.hosts

    kube.apply(ingress("rest", default="other:80"))

    mine = route(TO, of="web", prefix="/x", authority=(ONE_LABEL, False))
    more = route("default/other/80", of="rest", prefix="/", authority=(ONE_LABEL, True))
    rest = route("default/other/80", of="rest", prefix="/")
    assert envoy.hosts == {"*": host("*", rest), "*.foo.com": host("*.foo.com", mine, more)}

    kube.delete("Ingress/default/rest")

    assert envoy.hosts == before


@pytest.mark.parametrize(
    ("backend", "ports", "reason"),
    [
        ("kuard:81", {"ports": [{"port": 80}]}, "PortNotFound .port.number"),
        ("kuard:https", {"ports": [{"port": 80, "name": "http"}]}, "PortNotFound .port.name"),
        ("kuard:8080", {"ports": [{"port": 80, "targetPort": 8080}]}, "PortNotFound .port.number"),
        ("kuard:53", {"ports": [{"port": 53, "protocol": "UDP"}]}, "PortNotTCP .port.number"),
        ("kuard:80", {"type": "ExternalName", "externalName": "a.com"}, "ExternalNameDisabled .name"),
        ("absent:80", {"ports": [{"port": 80}]}, "ServiceNotFound .name"),
    ],
)
def test_a_backend_that_cannot_be_reached_answers_503_and_harms_no_other(
    kube: Kube, envoy: Envoy, backend: str, ports: dict[str, object], reason: str
) -> None:
    """The route stays, so that no shorter path takes over; the user is told."""
    kube.apply(
        ingress("web", rule("", path("/a", backend), path("/", "other:80"))), service("kuard", **ports), OTHER
    )

    assert envoy.hosts["*"] == host(
        "*", route(status=503, of="web", prefix="/a"), route("default/other/80", of="web", prefix="/")
    )
    name, _, field = reason.partition(" ")
    assert kube.reasons == [f"Ingress/default/web {name} spec.rules[0].http.paths[0].backend.service{field}"]


def test_a_default_backend_that_cannot_be_reached_answers_503(kube: Kube, envoy: Envoy) -> None:
    """Not 404, as Contour does."""
    kube.apply(ingress("web", default="absent:80"))

    assert envoy.hosts == {"*": host("*", route(status=503, of="web", prefix="/"))}
    assert kube.reasons == ["Ingress/default/web ServiceNotFound spec.defaultBackend.service.name"]


def test_of_two_ports_with_one_number_the_tcp_one_is_meant(kube: Kube, envoy: Envoy) -> None:
    """53/UDP and 53/TCP are two ports of a Service."""
    ports = {"port": 53, "protocol": "UDP", "name": "dns"}, {"port": 53, "protocol": "TCP", "name": "dns-tcp"}
    kube.apply(ingress("web", to="dns:53"), service("dns", *ports))

    assert list(envoy.endpoints) == ["default/dns/dns-tcp"]
    assert kube.problems == ()


def test_an_ingress_whose_secret_is_missing_still_serves_http(kube: Kube, envoy: Envoy) -> None:
    """TLS adds HTTPS; it takes nothing away."""
    kube.apply(ingress("web", to="kuard:80", tls=[{"hosts": ["shop.example.com"], "secretName": "s"}]), KUARD)

    assert envoy.hosts == {"shop.example.com": host("shop.example.com", route(TO, of="web", prefix="/"))}
    assert kube.reasons == ["Ingress/default/web SecretNotFound spec.tls[0].secretName"]
