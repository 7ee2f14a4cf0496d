"""Secrets of another namespace."""

import pytest

from tests.stories import handshake
from tests.stories.objects import Object, delegation, ingress, service, tls
from tests.stories.world import Envoy, Kube
from tests.support.certificate import pair, secret

KUARD = service("kuard", (80, "http"))
SHOP = "shop.example.com"
NAMESPACE = "projectcontour.io/tls-cert-namespace"
LENT = secret("lent", pair(SHOP), namespace="certs")


def web(namespace: str = "certs") -> Object:
    """An Ingress whose Secret is in that namespace."""
    return ingress("web", to="kuard:80", tls=[tls(SHOP, secret="lent")], annotations={NAMESPACE: namespace})


@pytest.mark.parametrize("name", ["lent", "*"])
@pytest.mark.parametrize("to", ["default", "*"])
def test_a_delegation_lets_another_namespace_serve_a_secret(
    kube: Kube, envoy: Envoy, name: str, to: str
) -> None:
    """One Secret or all, to one namespace or to all."""
    kube.apply(web(), KUARD, LENT, delegation(name, "other", to, namespace="certs"))

    assert handshake.secrets(envoy.https, SHOP) == ["certs/lent"]
    assert list(envoy.secrets) == ["certs/lent"]
    assert kube.problems == ()


@pytest.mark.parametrize(
    "granted",
    [
        delegation("other", "default", namespace="certs"),
        delegation("lent", "other", namespace="certs"),
        delegation("lent", "default", namespace="default"),
        delegation("*", namespace="certs"),
    ],
)
def test_a_secret_of_another_namespace_is_not_served_without_one(
    kube: Kube, envoy: Envoy, granted: Object
) -> None:
    """Only its own namespace can give it away; HTTP stays."""
    kube.apply(web(), KUARD, LENT, granted)

    assert (handshake.answer(envoy.https, SHOP), envoy.secrets) == (None, {})
    assert list(envoy.hosts) == [SHOP]
    assert kube.reasons == ["Ingress/default/web SecretNotDelegated spec.tls[0].secretName"]


def test_a_delegation_that_goes_takes_https_with_it(kube: Kube, envoy: Envoy) -> None:
    """And the Secret from every Envoy."""
    granted = delegation("lent", "default", namespace="certs")
    kube.apply(web(), KUARD, LENT, granted)
    kube.delete(granted)

    assert (handshake.answer(envoy.https, SHOP), envoy.secrets) == (None, {})


def test_a_secret_of_ones_own_namespace_needs_no_delegation(kube: Kube, envoy: Envoy) -> None:
    """However it is named."""
    kube.apply(web("default"), KUARD, secret("lent", pair(SHOP)))

    assert handshake.secrets(envoy.https, SHOP) == ["default/lent"]
    assert kube.problems == ()


def test_what_is_wrong_with_a_delegation_is_told(kube: Kube, envoy: Envoy) -> None:
    """The rest of it holds."""
    granted = delegation("lent", "default", namespace="certs")
    granted["spec"]["delegations"][:0] = [{"secretName": 7, "targetNamespaces": ["x"]}, {"secretName": "a"}]
    kube.apply(web(), KUARD, LENT, granted)

    assert handshake.secrets(envoy.https, SHOP) == ["certs/lent"]
    assert kube.reasons == [
        "TLSCertificateDelegation/certs/lend InvalidField spec.delegations[0].secretName",
        "TLSCertificateDelegation/certs/lend InvalidField spec.delegations[1].targetNamespaces",
    ]


def test_a_namespace_that_cannot_be_is_told(kube: Kube, envoy: Envoy) -> None:
    """The Ingress's own counts then."""
    kube.apply(web("a/b"), KUARD, secret("lent", pair(SHOP)))

    assert handshake.secrets(envoy.https, SHOP) == ["default/lent"]
    assert kube.reasons == [f"Ingress/default/web InvalidAnnotation metadata.annotations.{NAMESPACE}"]
