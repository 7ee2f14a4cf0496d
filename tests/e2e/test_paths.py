"""Which route a request meets, asked of a real Envoy."""

from collections.abc import Callable

import pytest

from tests.support.backend import Backend
from tests.support.manifest import Object, ingress, path, rule, served
from tests.support.up import Up

pytestmark = [pytest.mark.envoy, pytest.mark.process]

Apply = Callable[..., None]
StartBackend = Callable[..., Backend]

HOST = "shop.example.com"

ALL = [("/", "a"), ("/any/thing", "a")]
EXACT = [("/foo", "a"), ("/foo/", "404"), ("/foo/bar", "404"), ("/Foo", "404"), ("/foo?x=/foo/", "a")]
PREFIX = [("/foo", "a"), ("/foo/", "a"), ("/foo/bar", "a"), ("/foo?x", "a"), ("/foobar", "404"), ("/", "404")]
STRING = [("/foo", "a"), ("/foobar", "a"), ("/foo/bar", "a"), ("/fo", "404"), ("/x/foo", "404")]
REGEX = [
    ("/v1/users", "a"),
    ("/v22/users", "a"),
    ("/v/users", "404"),
    ("/v1/users/7", "404"),
    ("/x/v1/users", "404"),
]


@pytest.mark.parametrize(
    ("written", "rows"),
    [
        (path("/foo", "a", kind="Exact"), EXACT),
        (path("/foo", "a"), PREFIX),
        (path("/foo/", "a"), PREFIX),
        (path("/", "a"), ALL),
        (path("/foo", "a", kind="ImplementationSpecific"), STRING),
        (path("/v[0-9]+/users", "a", kind="ImplementationSpecific"), REGEX),
        (path("", "a", kind="ImplementationSpecific"), ALL),
    ],
    ids=lambda value: f"{value['pathType']} {value['path']}" if isinstance(value, dict) else "",
)
def test_a_path_matches_as_its_type_says(
    up: Up, apply: Apply, backend: StartBackend, written: Object, rows: list[tuple[str, str]]
) -> None:
    """Exact as written, Prefix by element, ImplementationSpecific as a string prefix or an anchored regex."""
    apply(ingress("web", rule(HOST, written)), *served("a", backend("a")))
    up.becomes("a", HOST, rows[0][0])

    assert [(asked, up.answers(HOST, asked)) for asked, _ in rows] == rows


ORDER = [
    ("/foo", "exact"),
    ("/foo/bar", "regex"),
    ("/foo/bar/baz", "long"),
    ("/foo/x", "short"),
    ("/foox", "string"),
    ("/y", "root"),
]


def test_exact_comes_before_regex_before_prefix_and_longer_before_shorter(
    up: Up, apply: Apply, backend: StartBackend
) -> None:
    """However they are written; and Prefix by element comes before a string prefix of the same path."""
    paths = [
        path("/", "root"),
        path("/foo", "string", kind="ImplementationSpecific"),
        path("/foo", "short"),
        path("/foo/bar", "long"),
        path("/foo/[a-r]+", "regex", kind="ImplementationSpecific"),
        path("/foo", "exact", kind="Exact"),
    ]
    names = ("root", "string", "short", "long", "regex", "exact")
    objects = [item for name in names for item in served(name, backend(name))]
    apply(ingress("web", rule(HOST, *paths)), *objects)
    up.becomes("root", HOST)

    assert [(asked, up.answers(HOST, asked)) for asked, _ in ORDER] == ORDER


def test_paths_of_several_ingresses_on_one_host_merge(up: Up, apply: Apply, backend: StartBackend) -> None:
    """One host, two Ingresses, both paths."""
    objects = [*served("a", backend("a")), *served("b", backend("b"))]
    one, two = rule(HOST, path("/a", "a")), rule(HOST, path("/b", "b"))
    apply(ingress("one", one), ingress("two", two), *objects)
    up.becomes("a", HOST, "/a")
    up.becomes("b", HOST, "/b")

    assert up.answers(HOST, "/") == "404"


def test_of_two_ingresses_with_one_path_the_older_wins_and_the_younger_is_told(
    up: Up, apply: Apply, backend: StartBackend
) -> None:
    """By creationTimestamp; the message names the object that won."""
    objects = [*served("a", backend("a")), *served("b", backend("b"))]
    older = ingress("old", rule(HOST, path("/", "a")), created="2020-01-01T00:00:00Z")
    younger = ingress("aaa", rule(HOST, path("/", "b")), created="2021-01-01T00:00:00Z")
    apply(younger, older, *objects)

    up.becomes("a", HOST)
    assert "default/old" in up.program.said(r"^Ingress default/aaa: .*").group()


def test_an_invalid_regex_affects_its_own_path_only(up: Up, apply: Apply, backend: StartBackend) -> None:
    """It is told, and the neighbours are served."""
    bad = path("/a[", "a", kind="ImplementationSpecific")
    apply(ingress("web", rule(HOST, bad, path("/good", "a"))), *served("a", backend("a")))

    up.becomes("a", HOST, "/good")
    up.program.said(r"^Ingress default/web: InvalidRegex: .*/a\[")


def test_an_escaped_slash_is_unescaped_by_a_redirect(up: Up, apply: Apply, backend: StartBackend) -> None:
    """`/a%2Fb` cannot slip past a rule on `/a/`: the client is told to ask for the plain path."""
    apply(ingress("web", rule(HOST, path("/", "a"))), *served("a", backend("a")))
    up.becomes("a", HOST)

    response = up.get(HOST, "/a%2Fb")

    assert (response.status_code, response.headers["location"]) == (307, "/a/b")
    assert up.get(HOST, "//a///b").json()["path"] == "/a/b"
    assert up.get(HOST, "/x/../a/./b").json()["path"] == "/a/b"
