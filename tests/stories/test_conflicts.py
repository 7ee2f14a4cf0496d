"""What becomes of paths that several Ingresses, or one twice, name on one host."""

import pytest

from tests.stories.meant import host, route
from tests.stories.objects import ingress, path, rule, service
from tests.stories.world import Envoy, Kube

KUARD, OTHER = service("kuard", (80, "http")), service("other", (80, "http"))
TO = "default/kuard/80"


def test_paths_of_several_ingresses_on_one_host_merge(kube: Kube, envoy: Envoy) -> None:
    """Exact, then regular expressions, then prefixes; the longer first, then reverse lexicographic."""
    kube.apply(
        ingress("a", rule("shop.example.com", path("/", "kuard:80"), path("/aa", "kuard:80"))),
        ingress("b", rule("shop.example.com", path("/x", "kuard:80", "Exact"), path("/ab", "kuard:80"))),
        ingress("c", rule("shop.example.com", path("/r[0-9]+", "kuard:80", "ImplementationSpecific"))),
        KUARD,
    )

    assert envoy.hosts["shop.example.com"] == host(
        "shop.example.com",
        route(TO, of="b", exact="/x"),
        route(TO, of="c", regex="/r[0-9]+"),
        route(TO, of="b", prefix="/ab"),
        route(TO, of="a", prefix="/aa"),
        route(TO, of="a", prefix="/"),
    )
    assert kube.problems == ()


def test_the_oldest_ingress_wins_a_path_and_the_loser_is_told(kube: Kube, envoy: Envoy) -> None:
    """Host and path twice: `/foo` and `/foo/` of type Prefix are the same path."""
    foo, foo_slash = path("/foo", "kuard:80"), path("/foo/", "other:80")
    young = ingress("a", rule("shop.example.com", foo_slash), created="2026-01-02T00:00:00Z")
    old = ingress("z", rule("shop.example.com", foo), created="2026-01-01T00:00:00Z")
    kube.apply(young, old, KUARD, OTHER)

    assert envoy.hosts == {"shop.example.com": host("shop.example.com", route(TO, of="z", prefix="/foo"))}
    assert kube.problems == (
        (
            "Ingress/default/a: DuplicatePath: spec.rules[0].http.paths[0]: "
            "path /foo of host shop.example.com is already served for Ingress default/z"
        ),
    )
    assert kube.routes("Ingress/default/a") == 0
    assert list(envoy.clusters) == ["default/kuard/80"]


def test_capital_letters_in_a_host_are_served_in_lower_case(kube: Kube, envoy: Envoy) -> None:
    """Hosts have no case; an API server would refuse it, hence a warning."""
    kube.apply(ingress("web", to="kuard:80", host="Shop.Example.COM"), KUARD)

    assert envoy.hosts == {"shop.example.com": host("shop.example.com", route(TO, of="web", prefix="/"))}
    assert kube.problems == (
        (
            "Ingress/default/web: warning: HostNotLowercase: spec.rules[0].host: "
            "host 'Shop.Example.COM' is served as 'shop.example.com'"
        ),
    )


def test_without_a_creation_time_namespace_and_name_decide(kube: Kube, envoy: Envoy) -> None:
    """An object of a folder counts as oldest."""
    kube.apply(
        ingress("c", to="other:80", created="2020-01-01T00:00:00Z"),
        ingress("b", to="kuard:80"),
        ingress("a", to="kuard:80", namespace="web"),
        KUARD,
        OTHER,
    )

    assert envoy.hosts["shop.example.com"] == host("shop.example.com", route(TO, of="b", prefix="/"))

    kube.delete("Ingress/default/b")

    assert envoy.hosts["shop.example.com"] == host(
        "shop.example.com", route(status=503, of="web/a", prefix="/")
    )


def test_twice_in_one_ingress_the_first_written_wins(kube: Kube, envoy: Envoy) -> None:
    """And the user is told which of the two is served."""
    kube.apply(
        ingress(
            "web", rule("a.example.com", path("/", "kuard:80")), rule("a.example.com", path("/", "other:80"))
        ),
        KUARD,
        OTHER,
    )

    assert envoy.hosts == {"a.example.com": host("a.example.com", route(TO, of="web", prefix="/"))}
    assert kube.problems == (
        (
            "Ingress/default/web: DuplicatePath: spec.rules[1].http.paths[0]: path / of host "
            "a.example.com is "
            "already served for this Ingress (spec.rules[0].http.paths[0])"
        ),
    )


def test_element_prefix_stands_before_string_prefix_of_the_same_path(kube: Kube, envoy: Envoy) -> None:
    """They are not the same path: both are served."""
    kube.apply(
        ingress(
            "web", rule("", path("/foo", "other:80", "ImplementationSpecific"), path("/foo", "kuard:80"))
        ),
        KUARD,
        OTHER,
    )

    assert envoy.hosts["*"] == host(
        "*", route(TO, of="web", prefix="/foo"), route("default/other/80", of="web", string_prefix="/foo")
    )
    assert kube.problems == ()


def test_a_default_backend_is_the_last_route_of_the_rules_without_host(kube: Kube, envoy: Envoy) -> None:
    """It does not catch unknown paths of known hosts."""
    kube.apply(
        ingress(
            "web", rule("", path("/x", "other:80")), rule("a.com", path("/y", "other:80")), default="kuard:80"
        ),
        KUARD,
        OTHER,
    )

    assert envoy.hosts == {
        "*": host("*", route("default/other/80", of="web", prefix="/x"), route(TO, of="web", prefix="/")),
        "a.com": host("a.com", route("default/other/80", of="web", prefix="/y")),
    }


@pytest.mark.parametrize("kind", ["Prefix", "ImplementationSpecific"])
def test_an_explicit_rule_for_all_paths_beats_an_older_default_backend(
    kube: Kube, envoy: Envoy, kind: str
) -> None:
    """By element or as a string; the default backend's owner is told, as a warning."""
    kube.apply(
        ingress("old", default="other:80"),
        ingress("new", rule("", path("/", "kuard:80", kind)), created="2026-01-01T00:00:00Z"),
        KUARD,
        OTHER,
    )

    assert envoy.hosts == {"*": host("*", route(TO, of="new", prefix="/"))}
    assert kube.problems == (
        (
            "Ingress/default/old: warning: DefaultBackendUnused: spec.defaultBackend: "
            "the default backend gets no request: Ingress default/new takes every path without host"
        ),
    )
