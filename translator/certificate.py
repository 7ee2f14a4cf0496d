"""A certificate and its private key, as a Secret holds them: whether Envoy can serve it, what it says."""

from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

# What Envoy takes (its source, context_impl.cc), and the largest modulus of its BoringSSL.
RSA_BITS = range(2048, 8193)
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
MOST_EXPONENT_BITS = 33

CHAIN, KEY = "tls.crt", "tls.key"


class FlawError(ValueError):
    """Why a certificate cannot be served; the text never holds anything of the key."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One that can be served. `key_type` is RSA or ECDSA; `names` are the DNS names it is for; it is valid
    from `begins` until `ends`, in Unix seconds; `chain` and `key` are PEM, leaf first.
    """

    key_type: str
    names: tuple[str, ...]
    begins: float
    ends: float
    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)


def read(secret: dict[str, Any]) -> Certificate:
    """The certificate of a Secret. Raises FlawError."""
    data = secret.get("data")
    if not isinstance(data, dict):
        raise FlawError("it has no data")
    chain = _chain(_decoded(data, CHAIN))
    key = _key(_decoded(data, KEY))
    leaf = chain[0]
    try:
        # Of one type both, or this is a comparison of unlikes.
        matches = leaf.public_key() == key.public_key()
        names = _names(leaf)
        begins, ends = leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp()
    except Exception:  # noqa: BLE001 - as in _chain
        raise FlawError(f"the first certificate of {CHAIN} cannot be read") from None
    if not matches:
        raise FlawError(f"{KEY} is not the key of the first certificate of {CHAIN}")
    return Certificate(
        key_type="RSA" if isinstance(key, rsa.RSAPrivateKey) else "ECDSA",
        names=names,
        begins=begins,
        ends=ends,
        # Written anew: whatever else stood beside them, Envoy reads exactly what was read here.
        chain=b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain),
        key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


def covers(names: tuple[str, ...], host: str) -> bool:
    """Whether a certificate for these names is one for the host; a wildcard takes one label (RFC 6125)."""
    return host in names or "*." + host.partition(".")[2] in names


def _decoded(data: dict[str, Any], name: str) -> bytes:
    written = data.get(name)
    if not isinstance(written, str) or not written:
        raise FlawError(f"it has no {name}")
    try:
        return b64decode("".join(written.split()), validate=True)
    except (Base64Error, ValueError):
        raise FlawError(f"{name} is no base64") from None


def _chain(pem: bytes) -> list[x509.Certificate]:
    try:
        chain = x509.load_pem_x509_certificates(pem)
        for one in chain:  # the library reads them when asked, Envoy at once
            _ = one.version, one.subject, one.issuer, one.extensions
        return chain  # noqa: TRY300 - all of it may raise
    except Exception:  # noqa: BLE001 - the library has no common class: InvalidVersion, ValueError and others
        raise FlawError(f"{CHAIN} holds no certificate in PEM, or one that cannot be read") from None


def _key(pem: bytes) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    try:
        # The library's own check takes 40 ms (RSA 2048) to 260 ms (4096): it asks whether the primes are.
        key = serialization.load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise FlawError(f"{KEY} is encrypted") from None
    except Exception:  # noqa: BLE001 - as in _chain
        raise FlawError(f"{KEY} is no private key in PEM") from None
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size not in RSA_BITS:
            raise FlawError(
                f"its RSA key has {key.key_size} bits; Envoy takes {RSA_BITS[0]} to {RSA_BITS[-1]}"
            )
        if not _is_consistent(key.private_numbers()):
            raise FlawError(f"{KEY} is damaged")
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if not isinstance(key.curve, CURVES):
            raise FlawError(f"its key is on curve {key.curve.name}; Envoy takes P-256, P-384 and P-521")
        return key
    raise FlawError("its key is neither RSA nor ECDSA")


def _is_consistent(key: rsa.RSAPrivateNumbers) -> bool:
    """The relations of a key's numbers, as Envoy's BoringSSL checks them (RSA_check_key)."""
    p, q, e = key.p, key.q, key.public_numbers.e
    return (
        e % 2 == 1
        and 1 < e < 1 << MOST_EXPONENT_BITS
        and p > 1
        and q > 1
        and p * q == key.public_numbers.n
        and key.d * e % (p - 1) == 1
        and key.d * e % (q - 1) == 1
        and key.dmp1 == key.d % (p - 1)
        and key.dmq1 == key.d % (q - 1)
        and key.iqmp * q % p == 1
    )


def _names(leaf: x509.Certificate) -> tuple[str, ...]:
    """Of the subject's alternative names alone: no client of today looks at the common name."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(name.lower() for name in found.value.get_values_for_type(x509.DNSName))
