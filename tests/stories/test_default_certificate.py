"""The default certificate: for tls hosts that name no Secret, and handshakes that are for no known host."""

import pytest

from tests.stories import handshake
from tests.stories.meant import host, route
from tests.stories.objects import ingress, path, rule, service, tls
from tests.stories.world import Envoy, Kube
from tests.support.certificate import Pair, pair, secret

KUARD = service("kuard", (80, "http"))
SHOP = "shop.example.com"
DEFAULT = secret("default", pair("*.example.com"), namespace="system")
OWN = secret("own", pair("own.com"))
OWNER = ingress("own", to="kuard:80", host="own.com", tls=[tls("own.com", secret="own")])

# On each story, since the same stories are told elsewhere too, without this module.
with_default = pytest.mark.parametrize("options", [{"default_certificate": "system/default"}])


@with_default
def test_a_tls_host_without_a_secret_is_served_with_the_default_certificate(kube: Kube, envoy: Envoy) -> None:
    """From whichever namespace: the operator has said so."""
    kube.apply(ingress("web", to="kuard:80", tls=[tls(SHOP)]), KUARD, DEFAULT)

    assert handshake.secrets(envoy.https, SHOP) == ["system/default"]
    assert list(envoy.https_hosts) == [SHOP]
    assert kube.problems == ()


@with_default
def test_a_handshake_for_no_known_host_sees_the_rules_without_host(kube: Kube, envoy: Envoy) -> None:
    """In a chain of its own, which no known host has."""
    kube.apply(ingress("any", rule("", path("/", "kuard:80"))), OWNER, KUARD, DEFAULT, OWN)

    names = ["nobody.com", "", "own.com"]
    found = [handshake.secrets(envoy.https, name) for name in names]
    assert found == [["system/default"], ["system/default"], ["default/own"]]
    assert envoy.https_hosts["*"] == host("*", route("default/kuard/80", of="any", prefix="/"))
    assert sorted(envoy.https_hosts) == ["*", "own.com"]
    assert kube.problems == ()


@with_default
def test_the_chain_of_the_default_certificate_is_not_that_of_hosts_that_use_it(
    kube: Kube, envoy: Envoy
) -> None:
    """They are asked other questions."""
    kube.apply(ingress("web", to="kuard:80", tls=[tls(SHOP)]), KUARD, DEFAULT)

    chains = [handshake.answer(envoy.https, name) for name in (SHOP, "nobody.com")]
    assert len({chain.name for chain in chains}) == 2
    assert kube.problems == ()


@with_default
def test_more_labels_than_a_wildcard_has_see_the_rules_without_host(kube: Kube, envoy: Envoy) -> None:
    """As over HTTP."""
    wild = ingress("wild", to="kuard:80", host="*.foo.com", tls=[tls("*.foo.com")])
    kube.apply(wild, ingress("any", default="kuard:80"), KUARD, DEFAULT)

    assert envoy.https_hosts == envoy.hosts
    assert len(envoy.https_hosts["*.foo.com"].routes) == 2


@with_default
def test_a_rule_without_host_in_an_ingress_with_tls_is_served(kube: Kube, envoy: Envoy) -> None:
    """With nothing to tell."""
    kube.apply(ingress("any", rule("", path("/", "kuard:80")), tls=[tls()]), KUARD, DEFAULT)

    assert list(envoy.https_hosts) == ["*"]
    assert kube.problems == ()


@with_default
def test_a_default_certificate_that_is_missing_is_told_and_refuses_handshakes(
    kube: Kube, envoy: Envoy
) -> None:
    """The operator is told at the Secret, the owner of an Ingress that wants it there."""
    kube.apply(OWNER, ingress("web", to="kuard:80", tls=[tls(SHOP)]), KUARD, OWN)

    found = [handshake.secrets(envoy.https, name) for name in ("nobody.com", SHOP, "own.com")]
    assert found == [None, None, ["default/own"]]
    assert kube.reasons == [
        "Ingress/default/web SecretNotFound spec.tls[0].secretName",
        "Secret/system/default SecretNotFound ",
    ]


@with_default
def test_a_default_certificate_that_turns_bad_keeps_its_last_good_version(kube: Kube, envoy: Envoy) -> None:
    """And says so."""
    kube.apply(DEFAULT)
    before = envoy.secrets, envoy.listeners

    kube.apply(secret("default", Pair(b"x", b"y"), namespace="system"))

    assert (envoy.secrets, envoy.listeners) == before
    assert kube.reasons == ["Secret/system/default InvalidSecret "]
