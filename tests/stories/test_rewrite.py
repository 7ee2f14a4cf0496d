"""`projectcontour.io/rewrite-path`: what the backend sees instead of the path that the rule names."""

import pytest
from envoy.config.route.v3 import route_components_pb2

from tests.stories.objects import ingress, path, rule, service
from tests.stories.world import Envoy, Kube

KUARD = service("kuard", (80, "http"))
NAME = "projectcontour.io/rewrite-path"


def rewrites(envoy: Envoy) -> list[str]:
    """`prefix /foo/ → /` of each route of a.com, in their order."""
    return [f"{_match(item.match)} → {item.route.prefix_rewrite}" for item in envoy.hosts["a.com"].routes]


def _match(match: route_components_pb2.RouteMatch) -> str:
    kinds = {"path": "exact", "path_separated_prefix": "path", "safe_regex": "regex"}
    kind = match.WhichOneof("path_specifier")
    written = match.safe_regex.regex if kind == "safe_regex" else getattr(match, kind)
    return f"{kinds.get(kind, kind)} {written}"


@pytest.mark.parametrize(
    ("written", "to", "meant"),
    [
        (("Prefix", "/foo"), "/bar", ["path /foo → /bar"]),
        (("Prefix", "/foo/"), "/bar", ["path /foo → /bar"]),
        (("Prefix", "/foo"), "/bar/", ["path /foo → /bar"]),
        (("Prefix", "/foo"), "/", ["prefix /foo/ → /", "exact /foo → /"]),
        (("Prefix", "/foo/"), "/", ["prefix /foo/ → /", "exact /foo → /"]),
        (("Prefix", "/"), "/app", ["prefix / → /app/"]),
        (("Prefix", "/"), "/app/", ["prefix / → /app/"]),
        (("Prefix", "/"), "/", ["prefix / → /"]),
        (("Exact", "/foo"), "/bar", ["exact /foo → /bar"]),
        (("Exact", "/foo"), "/bar/", ["exact /foo → /bar/"]),
        (("Exact", "/foo/"), "/", ["exact /foo/ → /"]),
        (("ImplementationSpecific", "/foo"), "/bar", ["prefix /foo → /bar"]),
        (("ImplementationSpecific", "/foo/"), "/bar", ["prefix /foo/ → /bar/"]),
        (("ImplementationSpecific", "/foo"), "/", ["prefix /foo/ → /", "prefix /foo → /"]),
        (("Prefix", "/foo"), "/a%20b/c;d=1", ["path /foo → /a%20b/c;d=1"]),
    ],
)
def test_one_slash_stays_at_the_seam(
    kube: Kube, envoy: Envoy, written: tuple[str, str], to: str, meant: list[str]
) -> None:
    """Envoy swaps what is matched and adds the rest as it is; the query stays by itself."""
    kind, text = written
    kube.apply(ingress("web", rule("a.com", path(text, "kuard:80", kind)), annotations={NAME: to}), KUARD)

    assert rewrites(envoy) == meant
    assert kube.problems == ()
    assert kube.routes("Ingress/default/web") == 1


def test_a_rewrite_is_its_ingress_s_alone_and_leaves_the_order_of_the_paths(kube: Kube, envoy: Envoy) -> None:
    """Exact before prefixes, the longer first, whichever of them are rewritten."""
    written = rule("a.com", path("/foo", "kuard:80"), path("/foo", "kuard:80", "Exact"))
    kube.apply(
        ingress("web", written, annotations={NAME: "/"}),
        ingress("other", rule("a.com", path("/foo/bar", "kuard:80"), path("/", "kuard:80"))),
        KUARD,
    )

    assert rewrites(envoy) == [
        "exact /foo → /",
        "path /foo/bar → ",
        "prefix /foo/ → /",
        "exact /foo → /",
        "prefix / → ",
    ]
    assert kube.problems == ()


def test_a_regex_path_is_not_rewritten_and_its_owner_is_warned(kube: Kube, envoy: Envoy) -> None:
    """The other paths of the Ingress are."""
    written = rule("a.com", path("/v[0-9]", "kuard:80", "ImplementationSpecific"), path("/foo", "kuard:80"))
    kube.apply(ingress("web", written, annotations={NAME: "/bar"}), KUARD)

    assert rewrites(envoy) == ["regex /v[0-9] → ", "path /foo → /bar"]
    assert kube.problems == (
        (
            f"Ingress/default/web: warning: RewriteNotApplied: metadata.annotations.{NAME}: "
            f"{NAME} is not applied to path /v[0-9], a regular expression"
        ),
    )


@pytest.mark.parametrize(
    "value",
    [
        "",
        "bar",
        "/bar?x=1",
        "/bar#x",
        "//bar",
        "/a//b",
        "/../x",
        "/a/..",
        "/./",
        "/a b",
        "/ä",
        "/a\r\nx: y",
        "/a\0",
        *("/%2fetc", "/%2F", "/%00", "/%zz", "/%", "http://evil.com/", "/a\\b", r"/\1", "/{x}", "/%5Cx"),
    ],
)
def test_a_value_that_is_no_path_is_told_and_not_applied(kube: Kube, envoy: Envoy, value: str) -> None:
    """The route is served as if the annotation were not there."""
    kube.apply(ingress("web", rule("a.com", path("/foo", "kuard:80")), annotations={NAME: value}), KUARD)

    assert rewrites(envoy) == ["path /foo → "]
    assert kube.reasons == [f"Ingress/default/web InvalidAnnotation metadata.annotations.{NAME}"]


def test_a_wildcard_host_s_rest_keeps_its_own_rewrites(kube: Kube, envoy: Envoy) -> None:
    """The routes without host that stand behind a wildcard's are rewritten as they are at home."""
    kube.apply(
        ingress("wild", rule("*.a.com", path("/", "kuard:80")), annotations={NAME: "/wild"}),
        ingress("rest", rule("", path("/foo", "kuard:80")), annotations={NAME: "/"}),
        KUARD,
    )

    held = [f"{_match(item.match)} → {item.route.prefix_rewrite}" for item in envoy.hosts["*.a.com"].routes]

    assert held == ["prefix / → /wild/", "prefix /foo/ → /", "exact /foo → /"]
