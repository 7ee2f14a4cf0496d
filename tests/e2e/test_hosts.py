"""Which virtual host a request meets, asked of a real Envoy."""

from collections.abc import Callable

import pytest

from tests.support.backend import Backend
from tests.support.manifest import ingress, path, rule, served
from tests.support.up import Up

pytestmark = [pytest.mark.envoy, pytest.mark.process]

Apply = Callable[..., None]
StartBackend = Callable[..., Backend]


def test_an_unknown_host_is_an_honest_404(up: Up) -> None:
    """The listener is there with no Ingress at all, so that nobody meets a refused connection."""
    assert up.answers("shop.example.com") == "404"
    assert up.answers("shop.example.com", "/cart?x=1") == "404"


@pytest.mark.parametrize("host", ["SHOP.Example.COM", "shop.example.com:8080", "shop.example.com."])
def test_a_host_is_met_in_any_case_with_any_port(
    up: Up, apply: Apply, backend: StartBackend, host: str
) -> None:
    """`shop.example.com:8080` and `SHOP.example.com` are the host that the rule names."""
    apply(ingress("web", rule("shop.example.com", path("/", "a"))), *served("a", backend("a")))
    up.becomes("a", "shop.example.com")

    assert up.answers(host) == "a"


def test_an_exact_host_is_met_by_nothing_longer(up: Up, apply: Apply, backend: StartBackend) -> None:
    """Neither before it nor after it."""
    apply(ingress("web", rule("a.example.com", path("/", "a"))), *served("a", backend("a")))
    up.becomes("a", "a.example.com")

    assert up.answers("a.example.com.evil.org") == "404"
    assert up.answers("xa.example.com") == "404"


WILDCARD = [
    ("foo.example.com", "wild"),
    ("FOO.example.com", "wild"),
    ("foo.example.com:1234", "wild"),
    ("foo.bar.example.com", "all"),
    ("example.com", "all"),
    ("own.example.com", "own"),
    ("foo.example.org", "all"),
]


@pytest.mark.parametrize(("host", "answer"), WILDCARD)
def test_a_wildcard_takes_exactly_one_label(
    up: Up, apply: Apply, backend: StartBackend, host: str, answer: str
) -> None:
    """More labels, or none, go on to the rules without host; an exact host beats the wildcard."""
    objects = [item for name in ("wild", "own", "all") for item in served(name, backend(name))]
    rules = [rule("*.example.com", path("/", "wild")), rule("own.example.com", path("/", "own"))]
    apply(ingress("web", *rules, rule("", path("/", "all"))), *objects)
    up.becomes("wild", "x.example.com")
    up.becomes("own", "own.example.com")
    up.becomes("all", "nobody.example.net")

    assert up.answers(host) == answer


def test_the_default_backend_takes_unknown_hosts_only(up: Up, apply: Apply, backend: StartBackend) -> None:
    """It does not catch unknown paths of a known host."""
    objects = [*served("a", backend("a")), *served("fallback", backend("fallback"))]
    apply(ingress("web", rule("a.example.com", path("/known", "a")), default="fallback"), *objects)
    up.becomes("fallback", "nobody.example.net")
    up.becomes("a", "a.example.com", "/known")

    assert up.answers("nobody.example.net", "/any/path") == "fallback"
    assert up.answers("a.example.com", "/unknown") == "404"


def test_an_explicit_root_without_host_beats_the_default_backend(
    up: Up, apply: Apply, backend: StartBackend
) -> None:
    """The default backend is what is left when no rule matches."""
    objects = [*served("a", backend("a")), *served("fallback", backend("fallback"))]
    apply(ingress("web", rule("", path("/", "a"))), ingress("older", default="fallback"), *objects)
    up.becomes("a", "nobody.example.net")

    assert up.answers("nobody.example.net", "/x") == "a"


def test_a_host_moves_from_one_ingress_to_another(up: Up, apply: Apply, backend: StartBackend) -> None:
    """The host is named by itself, not by its Ingress."""
    objects = [*served("a", backend("a")), *served("b", backend("b"))]
    apply(ingress("one", rule("shop.example.com", path("/", "a"))), *objects)
    up.becomes("a", "shop.example.com")

    apply(ingress("two", rule("shop.example.com", path("/", "b"))), *objects)

    up.becomes("b", "shop.example.com")


def test_a_removed_rule_takes_its_host_along(up: Up, apply: Apply, backend: StartBackend) -> None:
    """The other host of the Ingress stays."""
    rules = [rule("a.example.com", path("/", "a")), rule("b.example.com", path("/", "a"))]
    objects = served("a", backend("a"))
    apply(ingress("web", *rules), *objects)
    up.becomes("a", "b.example.com")

    apply(ingress("web", *rules[:1]), *objects)

    up.becomes("404", "b.example.com")
    assert up.answers("a.example.com") == "a"
