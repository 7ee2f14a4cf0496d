"""Certificates for tests: keys are made once, the rest is said by who needs it."""

import datetime as dt
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

NOW = dt.datetime.now(dt.UTC)
Key = Any


@dataclass(frozen=True)
class Pair:
    """A certificate chain and its key, in PEM."""

    chain: bytes
    key: bytes


@cache
def key(kind: str = "ECDSA", number: int = 0) -> Key:
    """A key of its kind: `RSA` (2048 bits), `RSA 1024`, `ECDSA` (P-256), `ECDSA secp256k1`, `Ed25519`."""
    del number
    name, _, rest = kind.partition(" ")
    match name:
        case "RSA":
            return rsa.generate_private_key(65537, int(rest or 2048))
        case "ECDSA":
            return ec.generate_private_key({"": ec.SECP256R1, "secp256k1": ec.SECP256K1}[rest]())
    return ed25519.Ed25519PrivateKey.generate()


def pem(private: Key) -> bytes:
    """PKCS 8."""
    encoding = serialization.Encoding.PEM
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    text: bytes = private.private_bytes(encoding, form, plain)
    return text


@cache
def pair(
    *names: str,
    kind: str = "ECDSA",
    number: int = 0,
    begins: int = -10,
    ends: int = 80,
    now: dt.datetime = NOW,
) -> Pair:
    """A self-signed certificate for these hosts, valid from and until so many days after `now`; another
    `number` is another key.
    """
    private = key(kind, number)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{kind} {number}")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=begins))
        .not_valid_after(now + dt.timedelta(days=ends))
    )
    if names:
        made = made.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False
        )
    signed = made.sign(private, None if kind == "Ed25519" else hashes.SHA256())
    return Pair(signed.public_bytes(serialization.Encoding.PEM), pem(private))


def secret(
    name: str,
    found: Pair,
    *,
    namespace: str = "default",
    type_: str = "kubernetes.io/tls",
) -> dict[str, Any]:
    """A Secret that holds it, as the API gives it."""
    data = {"tls.crt": b64encode(found.chain).decode(), "tls.key": b64encode(found.key).decode()}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": type_, "data": data}
