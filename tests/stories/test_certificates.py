"""Which certificates are served, and what is told about them."""

import datetime as dt
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.stories import handshake
from tests.stories.objects import Object, ingress, service, tls
from tests.stories.world import Envoy, Kube
from tests.support.certificate import NOW, Pair, key, pair, pem, secret

KUARD = service("kuard", (80, "http"))
SHOP = "shop.example.com"
WEB = ingress("web", to="kuard:80", tls=[tls(SHOP, secret="web")])
GOOD = pair(SHOP)
RSA = pair(SHOP, kind="RSA")


def other_form(found: Pair, form: serialization.PrivateFormat, password: bytes = b"") -> Pair:
    """The same with its key written another way."""
    private = serialization.load_pem_private_key(found.key, None)
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return Pair(found.chain, private.private_bytes(serialization.Encoding.PEM, form, locked))


def damaged(found: Pair) -> Pair:
    """The same RSA key with a wrong private exponent."""
    numbers = serialization.load_pem_private_key(found.key, None).private_numbers()  # type: ignore[union-attr]
    assert isinstance(numbers, rsa.RSAPrivateNumbers)
    wrong = rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, numbers.d, numbers.dmp1 ^ 2, numbers.dmq1, numbers.iqmp, numbers.public_numbers
    )
    return Pair(found.chain, pem(wrong.private_key(unsafe_skip_rsa_key_validation=True)))


@pytest.mark.parametrize(
    "served",
    [
        pytest.param(secret("web", GOOD), id="ECDSA"),
        pytest.param(secret("web", RSA), id="RSA"),
        pytest.param(secret("web", GOOD, type_="Opaque"), id="Opaque with both keys"),
        pytest.param(secret("web", Pair(GOOD.chain + RSA.chain, GOOD.key)), id="a chain"),
        pytest.param(
            secret("web", Pair(b"text\n" + GOOD.chain, b"text\n" + GOOD.key)), id="text beside the PEM"
        ),
        pytest.param(
            secret("web", other_form(RSA, serialization.PrivateFormat.TraditionalOpenSSL)), id="PKCS 1"
        ),
        pytest.param(
            secret("web", other_form(GOOD, serialization.PrivateFormat.TraditionalOpenSSL)), id="SEC 1"
        ),
        pytest.param(secret("web", pair("*.example.com")), id="a wildcard"),
    ],
)
def test_a_certificate_with_its_key_is_served(kube: Kube, envoy: Envoy, served: Object) -> None:
    """Nothing is told."""
    kube.apply(WEB, KUARD, served)

    assert list(envoy.secrets) == ["default/web"]
    assert handshake.secrets(envoy.https, SHOP) == ["default/web"]
    assert kube.problems == ()


@pytest.mark.parametrize(
    ("broken", "flaw"),
    [
        (Pair(b"", GOOD.key), "it has no tls.crt"),
        (Pair(GOOD.chain, b""), "it has no tls.key"),
        (Pair(b"\0\xff", GOOD.key), "tls.crt holds no certificate in PEM, or one that cannot be read"),
        (
            Pair(GOOD.chain + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", GOOD.key),
            "tls.crt holds no certificate in PEM, or one that cannot be read",
        ),
        (Pair(GOOD.key, GOOD.chain), "tls.crt holds no certificate in PEM, or one that cannot be read"),
        (Pair(GOOD.chain, GOOD.chain), "tls.key is no private key in PEM"),
        (
            Pair(GOOD.chain, pem(key("ECDSA", 9))),
            "tls.key is not the key of the first certificate of tls.crt",
        ),
        (
            Pair(RSA.chain + GOOD.chain, GOOD.key),
            "tls.key is not the key of the first certificate of tls.crt",
        ),
        (other_form(GOOD, serialization.PrivateFormat.PKCS8, b"secret"), "tls.key is encrypted"),
        (damaged(RSA), "tls.key is damaged"),
        (pair(SHOP, kind="RSA 1024"), "its RSA key has 1024 bits; Envoy takes 2048 to 8192"),
        (
            pair(SHOP, kind="ECDSA secp256k1"),
            "its key is on curve secp256k1; Envoy takes P-256, P-384 and P-521",
        ),
        (pair(SHOP, kind="Ed25519"), "its key is neither RSA nor ECDSA"),
    ],
)
def test_a_secret_that_no_envoy_could_serve_is_told(
    kube: Kube, envoy: Envoy, broken: Pair, flaw: str
) -> None:
    """With what is wrong, and without a word of the key."""
    kube.apply(WEB, KUARD, secret("web", broken))

    assert envoy.secrets == {}
    assert kube.problems == (
        (
            "Ingress/default/web: InvalidSecret: spec.tls[0].secretName: Secret default/web cannot be "
            f"served: {flaw}; there is no good version of it"
        ),
    )


@pytest.mark.parametrize(
    ("data", "flaw"),
    [
        (None, "it has no data"),
        ({}, "it has no tls.crt"),
        ({"tls.crt": 7}, "it has no tls.crt"),
        ({"tls.crt": "not base64!"}, "tls.crt is no base64"),
        ({"tls.crt": b64encode(GOOD.chain).decode(), "tls.key": "ä"}, "tls.key is no base64"),
    ],
)
def test_a_secret_without_readable_data_is_told(kube: Kube, envoy: Envoy, data: object, flaw: str) -> None:
    """Whatever stands there."""
    kube.apply(WEB, KUARD, secret("web", GOOD) | {"data": data})

    assert envoy.secrets == {}
    assert [flaw in problem for problem in kube.problems] == [True]


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (
            (-10, -1),
            "CertificateExpired: spec.tls[0].secretName: the certificate of Secret default/web was valid ",
        ),
        (
            (1, 10),
            "CertificateNotYetValid: spec.tls[0].secretName: the certificate of Secret default/web is valid ",
        ),
    ],
)
def test_a_certificate_out_of_its_time_is_served_with_a_warning(
    kube: Kube, envoy: Envoy, days: tuple[int, int], told: str
) -> None:
    """A client may take it all the same."""
    kube.apply(WEB, KUARD, secret("web", pair(SHOP, begins=days[0], ends=days[1])))

    assert handshake.secrets(envoy.https, SHOP) == ["default/web"]
    assert list(envoy.secrets) == ["default/web"]
    (problem,) = kube.problems
    assert problem.startswith(f"Ingress/default/web: warning: {told}")


@pytest.mark.parametrize("names", [("other.com",), (), ("*.shop.example.com",), ("example.com",), ("*.com",)])
def test_a_host_that_the_certificate_is_not_for_is_served_with_a_warning(
    kube: Kube, envoy: Envoy, names: tuple[str, ...]
) -> None:
    """The host is named."""
    kube.apply(WEB, KUARD, secret("web", pair(*names)))

    assert handshake.secrets(envoy.https, SHOP) == ["default/web"]
    assert kube.problems == (
        (
            "Ingress/default/web: warning: HostNotCovered: spec.tls[0].hosts[0]: the certificate of Secret "
            "default/web is not for host shop.example.com"
        ),
    )


def test_a_wildcard_host_wants_a_wildcard_certificate(kube: Kube, envoy: Envoy) -> None:
    """One for an exact name is not for all of them."""
    wild = ingress("wild", to="kuard:80", host="*.foo.com", tls=[tls("*.foo.com", secret="web")])
    kube.apply(wild, KUARD, secret("web", pair("a.foo.com")))

    assert kube.reasons == ["Ingress/default/wild HostNotCovered spec.tls[0].hosts[0]"]

    kube.apply(secret("web", pair("*.foo.com")))

    assert handshake.secrets(envoy.https, "a.foo.com") == ["default/web"]
    assert kube.problems == ()


def test_the_present_is_when_the_tests_run() -> None:
    """Certificates that are good here are good for the processes too, which look at the clock."""
    assert dt.datetime.now(dt.UTC) - NOW < dt.timedelta(days=1)
