"""What paths, and broken fields, of an Ingress become."""

from typing import Any

import pytest

from tests.stories.meant import host, route
from tests.stories.objects import Object, backend, ingress, path, rule, service
from tests.stories.world import Envoy, Kube

KUARD = service("kuard", (80, "http"))
TO = "default/kuard/80"


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
        ("ImplementationSpecific", "/fo{2}(o)?.", {"string_prefix": "/fo{2}(o)"}),
        ("ImplementationSpecific", "/v[0-9]+/.*", {"regex": "/v[0-9]+/.*"}),
        ("ImplementationSpecific", "/a%20b", {"regex": "/a%20b"}),
        ("ImplementationSpecific", "/^a", {"regex": "/^a"}),
    ],
)
def test_a_path_becomes_the_match_of_its_type(
    kube: Kube, envoy: Envoy, kind: str, written: str | None, match: dict[str, str]
) -> None:
    """Only ImplementationSpecific may be a regular expression; a prefix loses the slash at its end."""
    if "?" in (written or ""):
        pytest.skip("a question mark is no path; see below")
    kube.apply(ingress("web", rule("", {"path": written, "pathType": kind, "backend": backend("kuard:80")})), KUARD)

    assert envoy.hosts == {"*": host("*", route(TO, of="web", **match))}
    assert kube.problems == ()
