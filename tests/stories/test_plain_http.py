"""What becomes of routes over HTTP without TLS."""

import pytest

from tests.stories.meant import host, route
from tests.stories.objects import ingress, path, rule, service, tls
from tests.stories.world import Envoy, Kube
from tests.support.certificate import pair, secret

KUARD = service("kuard", (80, "http"))
SHOP = "shop.example.com"
SECRET = secret("web", pair(SHOP))
ALLOW = "kubernetes.io/ingress.allow-http"
REDIRECT = "ingress.kubernetes.io/force-ssl-redirect"
SERVED = route("default/kuard/80", of="web", prefix="/")
ACME = ingress("acme", rule(SHOP, path("/.well-known/acme-challenge", "kuard:80")))
CHALLENGE = route("default/kuard/80", of="acme", prefix="/.well-known/acme-challenge")


def web(**annotations: str) -> dict[str, object]:
    """An Ingress with TLS."""
    named = {{"allow": ALLOW, "redirect": REDIRECT}[name]: value for name, value in annotations.items()}
    return ingress("web", to="kuard:80", tls=[tls(SHOP, secret="web")], annotations=named)


def redirect(port: int = 0) -> object:
    """The route of `web`, redirected."""
    meant = route("", of="web", prefix="/")
    meant.ClearField("route")
    meant.redirect.https_redirect = True
    meant.redirect.port_redirect = port
    return meant


def test_without_http_there_are_no_routes_on_port_80(kube: Kube, envoy: Envoy) -> None:
    """HTTPS has them; the host is there without any, so that no wildcard answers for it."""
    kube.apply(web(allow="false"), KUARD, SECRET)

    assert envoy.hosts == {SHOP: host(SHOP)}
    assert envoy.https_hosts == {SHOP: host(SHOP, SERVED)}
    assert kube.routes("Ingress/default/web") == 1
    assert kube.problems == ()


@pytest.mark.parametrize("annotations", [{"redirect": "true"}, {"redirect": "true", "allow": "false"}])
def test_a_redirect_sends_http_to_https(kube: Kube, envoy: Envoy, annotations: dict[str, str]) -> None:
    """It wins over an Ingress without HTTP."""
    kube.apply(web(**annotations), KUARD, SECRET)

    assert envoy.hosts == {SHOP: host(SHOP, redirect())}
    assert envoy.https_hosts == {SHOP: host(SHOP, SERVED)}
    assert kube.problems == ()


@pytest.mark.parametrize("options", [{"redirect_port": 8443}])
def test_a_redirect_names_the_port_of_https_where_it_is_another(kube: Kube, envoy: Envoy) -> None:
    """443 goes without saying."""
    kube.apply(web(redirect="true"), KUARD, SECRET)

    assert envoy.hosts == {SHOP: host(SHOP, redirect(8443))}


def test_a_backend_that_is_missing_is_redirected_too(kube: Kube, envoy: Envoy) -> None:
    """And answers 503 over HTTPS."""
    kube.apply(web(redirect="true"), SECRET)

    assert envoy.hosts == {SHOP: host(SHOP, redirect())}
    assert envoy.https_hosts == {SHOP: host(SHOP, route(status=503, of="web", prefix="/"))}


@pytest.mark.parametrize(
    ("annotations", "rest"), [({"allow": "false"}, ()), ({"redirect": "true"}, (redirect(),))]
)
def test_another_ingress_of_the_host_keeps_its_own(
    kube: Kube, envoy: Envoy, annotations: dict[str, str], rest: tuple[object, ...]
) -> None:
    """An ACME challenge, say, which is asked for over HTTP alone."""
    kube.apply(web(**annotations), ACME, KUARD, SECRET)

    assert envoy.hosts == {SHOP: host(SHOP, CHALLENGE, *rest)}  # type: ignore[arg-type]
    assert envoy.https_hosts == {SHOP: host(SHOP, CHALLENGE, SERVED)}


@pytest.mark.parametrize(
    ("annotations", "named"),
    [({"allow": "no"}, ALLOW), ({"redirect": "1"}, REDIRECT), ({"allow": ""}, ALLOW)],
)
def test_a_value_that_is_neither_true_nor_false_is_told(
    kube: Kube, envoy: Envoy, annotations: dict[str, str], named: str
) -> None:
    """And the default holds."""
    kube.apply(web(**annotations), KUARD, SECRET)

    assert envoy.hosts == {SHOP: host(SHOP, SERVED)}
    assert kube.reasons == [f"Ingress/default/web InvalidAnnotation metadata.annotations.{named}"]
