"""A cluster of so many hosts: an Ingress, a Service and an EndpointSlice each, every tenth with a TLS
Secret.
"""

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Object = dict[str, Any]

INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
SECRETS = "/api/v1/namespaces/default/secrets"
TLS_EVERY = 10


def has_tls(number: int) -> bool:
    """Whether the host has a Secret of its own."""
    return number % TLS_EVERY == 0


def host(number: int) -> str:
    """The host of an Ingress."""
    return f"host-{number}.example.com"


def objects(hosts: int) -> Iterator[tuple[str, Object]]:
    """All objects, each with the path that it is posted to."""
    for number in range(hosts):
        yield SERVICES, service(number)
        yield SLICES, endpoints(number)
        if has_tls(number):
            yield SECRETS, secret(number)
        yield INGRESSES, ingress(number)


def ingress(number: int) -> Object:
    """Two paths to one Service."""
    backend = {"service": {"name": f"s-{number}", "port": {"number": 80}}}
    paths = [{"path": each, "pathType": "Prefix", "backend": backend} for each in ("/", "/first")]
    spec: Object = {"rules": [{"host": host(number), "http": {"paths": paths}}]}
    if has_tls(number):
        spec["tls"] = [{"hosts": [host(number)], "secretName": f"t-{number}"}]
    return {"metadata": {"name": f"i-{number}"}, "spec": spec}


def service(number: int) -> Object:
    """One port; headless, for 10,000 addresses would have to be given out."""
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    return {
        "metadata": {"name": f"s-{number}"},
        "spec": {"clusterIP": "None", "ports": ports, "selector": {"app": f"s-{number}"}},
    }


def endpoints(number: int, last: int = 0) -> Object:
    """Two endpoints; the second has `last` in its address."""
    return {
        "metadata": {"name": f"s-{number}-1", "labels": {"kubernetes.io/service-name": f"s-{number}"}},
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [address], "conditions": {"ready": True}} for address in ("10.0.0.1", marked(last))
        ],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }


def marked(number: int) -> str:
    """An address unlike that of every other number."""
    return f"10.{100 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}"


def secret(number: int) -> Object:
    """A certificate of its host."""
    certificate, key = _certificate(host(number))
    return {
        "metadata": {"name": f"t-{number}"},
        "type": "kubernetes.io/tls",
        "data": {"tls.crt": b64encode(certificate).decode(), "tls.key": b64encode(key).decode()},
    }


@cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _certificate(name: str) -> tuple[bytes, bytes]:
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(_key(), hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    key = _key().private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(encoding), key
