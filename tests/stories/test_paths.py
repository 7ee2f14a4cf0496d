"""What paths, and broken fields, of an Ingress become."""

import pytest

from tests.stories.meant import host, route
from tests.stories.objects import Object, backend, ingress, path, rule, service
from tests.stories.world import Envoy, Kube

KUARD = service("kuard", (80, "http"))
TO = "default/kuard/80"
IMPOSSIBLE = [
    *["10.0.0.1", "::1", "a_b.com", "-a.com", "a..com", "a.com:80", "a.com.", "ä.com", "a b.com", "a" * 254],
    *["*", "*.", "a.*.com", "*a.com", "*.*.com", "*." + "a." * 23 + "com"],
    5,
]
GOOD = path("/good", "kuard:80")


def entry(kind: object, written: object) -> Object:
    """One entry of `http.paths`, as broken as it gets."""
    return {"path": written, "pathType": kind, "backend": backend("kuard:80")}


@pytest.mark.parametrize(
    ("kind", "written", "match"),
    [
        ("Exact", "/foo", {"exact": "/foo"}),
        ("Exact", "/foo/", {"exact": "/foo/"}),
        ("Exact", "/a b%20c", {"exact": "/a b%20c"}),
        ("Prefix", "/", {"prefix": "/"}),
        ("Prefix", "/foo", {"prefix": "/foo"}),
        ("Prefix", "/foo/", {"prefix": "/foo"}),
        ("Prefix", "/foo.*", {"prefix": "/foo.*"}),
        ("ImplementationSpecific", "", {"string_prefix": "/"}),
        ("ImplementationSpecific", None, {"string_prefix": "/"}),
        ("ImplementationSpecific", "/foo/", {"string_prefix": "/foo/"}),
        ("ImplementationSpecific", "/fo{2}(o).", {"string_prefix": "/fo{2}(o)."}),
        ("ImplementationSpecific", "/v[0-9]+/.*", {"regex": "/v[0-9]+/.*"}),
        ("ImplementationSpecific", "/a%20b", {"regex": "/a%20b"}),
    ],
)
def test_a_path_becomes_the_match_of_its_type(
    kube: Kube, envoy: Envoy, kind: str, written: str | None, match: dict[str, str]
) -> None:
    """Only ImplementationSpecific may be a regular expression; a prefix loses the slash at its end."""
    kube.apply(ingress("web", rule("", entry(kind, written))), KUARD)

    assert envoy.hosts == {"*": host("*", route(TO, of="web", **match))}
    assert kube.problems == ()


@pytest.mark.parametrize(
    ("kind", "written", "told"),
    [
        ("Exact", "foo", "InvalidPath .path"),
        ("Prefix", "", "InvalidPath .path"),
        ("Prefix", None, "InvalidPath .path"),
        ("Prefix", "//", "InvalidPath .path"),
        ("Prefix", "/a/../b", "InvalidPath .path"),
        ("Exact", "/a/.", "InvalidPath .path"),
        ("Exact", "/a%2Fb", "InvalidPath .path"),
        ("Prefix", "/a?b", "InvalidPath .path"),
        ("Exact", "/a#b", "InvalidPath .path"),
        ("ImplementationSpecific", "foo", "InvalidPath .path"),
        ("ImplementationSpecific", "/foo?", "InvalidPath .path"),
        ("ImplementationSpecific", "/(+", "InvalidRegex .path"),
        ("ImplementationSpecific", "/(?=a)*", "InvalidRegex .path"),
        ("ImplementationSpecific", "/[a-z]{1001}", "InvalidRegex .path"),
        ("ImplementationSpecific", "/([a-z]{100}){10}", "InvalidRegex .path"),
        ("ImplementationSpecific", r"/(a)*\1", "InvalidRegex .path"),
        ("Exact", 5, "InvalidField .path"),
        ("Regex", "/", "InvalidField .pathType"),
        (None, "/", "InvalidField .pathType"),
        (True, "/", "InvalidField .pathType"),
    ],
)
def test_a_path_that_cannot_be_is_told_and_skipped(
    kube: Kube, envoy: Envoy, kind: object, written: object, told: str
) -> None:
    """The other paths of the rule are served."""
    kube.apply(ingress("web", rule("", entry(kind, written), GOOD)), KUARD)

    assert envoy.hosts == {"*": host("*", route(TO, of="web", prefix="/good"))}
    reason, _, field = told.partition(" ")
    assert kube.reasons == [f"Ingress/default/web {reason} spec.rules[0].http.paths[0]{field}"]


@pytest.mark.parametrize("written", IMPOSSIBLE)
def test_an_impossible_host_is_told_and_its_rule_skipped(kube: Kube, envoy: Envoy, written: object) -> None:
    """The other rules of the Ingress are served."""
    kube.apply(ingress("web", rule(written, GOOD), rule("", GOOD)), KUARD)

    assert envoy.hosts == {"*": host("*", route(TO, of="web", prefix="/good"))}
    reason = "InvalidField" if written == 5 else "InvalidHost"
    assert kube.reasons == [f"Ingress/default/web {reason} spec.rules[0].host"]


@pytest.mark.parametrize("written", ["a", "a.b-c.d", "1.2.3", "xn--nxasmq6b", "*.com", "a" * 63 + ".com"])
def test_a_possible_host_is_served(kube: Kube, envoy: Envoy, written: str) -> None:
    """One label, digits and punycode too."""
    kube.apply(ingress("web", rule(written, GOOD)), KUARD)

    assert list(envoy.hosts) == [written]
    assert kube.problems == ()


@pytest.mark.parametrize(
    ("backend_", "told"),
    [
        (None, "InvalidField"),
        ("kuard", "InvalidField"),
        ({}, "InvalidField .service"),
        ({"service": {"name": "kuard"}}, "InvalidField .service.port"),
        ({"service": {"name": "kuard", "port": {}}}, "InvalidField .service.port.name"),
        ({"service": {"name": "kuard", "port": {"number": "80"}}}, "InvalidField .service.port.number"),
        ({"service": {"name": "kuard", "port": {"number": 0}}}, "InvalidField .service.port.number"),
        ({"service": {"name": 1, "port": {"number": 80}}}, "InvalidField .service.name"),
        ({"service": {"port": {"number": 80}}}, "InvalidField .service.name"),
    ],
)
def test_a_broken_backend_is_told_and_its_path_answers_503(
    kube: Kube, envoy: Envoy, backend_: object, told: str
) -> None:
    """A path that were dropped would let a shorter one take over."""
    broken = {"path": "/bad", "pathType": "Prefix", "backend": backend_}
    kube.apply(ingress("web", rule("", broken, GOOD)), KUARD)

    bad = route(status=503, of="web", prefix="/bad")
    assert envoy.hosts == {"*": host("*", route(TO, of="web", prefix="/good"), bad)}
    reason, _, field = told.partition(" ")
    assert kube.reasons == [f"Ingress/default/web {reason} spec.rules[0].http.paths[0].backend{field}"]


def test_a_resource_backend_is_told_and_its_path_skipped(kube: Kube, envoy: Envoy) -> None:
    """Contour crashes."""
    resource = {"resource": {"apiGroup": "k8s.example.com", "kind": "StorageBucket", "name": "static"}}
    kube.apply(
        ingress(
            "web",
            rule("", {"path": "/", "pathType": "Prefix", "backend": resource}, GOOD),
            defaultBackend=resource,
        ),
        KUARD,
    )

    assert envoy.hosts == {"*": host("*", route(TO, of="web", prefix="/good"))}
    assert kube.reasons == [
        "Ingress/default/web ResourceBackendUnsupported spec.defaultBackend.resource",
        "Ingress/default/web ResourceBackendUnsupported spec.rules[0].http.paths[0].backend.resource",
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"spec": None}, ["InvalidField spec"]),
        ({"spec": []}, ["InvalidField spec"]),
        ({"spec": {"rules": {"host": "a.com"}}}, ["InvalidField spec.rules"]),
        ({"spec": {"rules": ["a.com"]}}, ["InvalidField spec.rules[0]"]),
        ({"spec": {"rules": [{"host": "a.com", "http": []}]}}, ["InvalidField spec.rules[0].http"]),
        ({"spec": {"rules": [{"host": "a.com", "http": {}}]}}, ["InvalidField spec.rules[0].http.paths"]),
        ({"spec": {"rules": [{"http": {"paths": [7]}}]}}, ["InvalidField spec.rules[0].http.paths[0]"]),
        ({"spec": {"defaultBackend": "kuard"}}, ["InvalidField spec.defaultBackend"]),
        ({"spec": {"ingressClassName": 5}}, ["InvalidField spec.ingressClassName"]),
        (
            {
                "metadata": {"name": "web", "namespace": "default", "creationTimestamp": "yesterday"},
                "spec": {},
            },
            ["InvalidField metadata.creationTimestamp"],
        ),
        (
            {"metadata": {"name": "web", "namespace": "default", "annotations": {"a": 5}}, "spec": {}},
            ["InvalidField metadata.annotations.a"],
        ),
    ],
)
def test_a_field_of_a_wrong_type_is_told_and_harms_no_other_ingress(
    kube: Kube, envoy: Envoy, change: Object, told: list[str]
) -> None:
    """Whatever an API server would refuse may stand in a folder."""
    kube.apply(ingress("good", to="kuard:80"), KUARD)
    before = envoy.hosts["shop.example.com"]

    kube.apply(ingress("web", to="kuard:80") | change)

    assert envoy.hosts["shop.example.com"] == before
    assert kube.reasons == [f"Ingress/default/web {item}" for item in told]
