"""A certificate of the demo's own: self-signed, so that a client who checks it has to be told."""

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

# The folder may lie about for long.
DAYS = 3650

_MANIFEST = """\
# A self-signed certificate for {host}, made for this folder alone. Remove this file to get a new one.
apiVersion: v1
kind: Secret
metadata:
  name: {name}
type: kubernetes.io/tls
stringData:
  tls.crt: |
{chain}  tls.key: |
{key}"""


def manifest(name: str, host: str) -> str:
    """A Secret with a new key and a certificate for a host."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "isoline demo")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return _MANIFEST.format(
        name=name, host=host, chain=_indented(certificate.public_bytes(pem)), key=_indented(plain)
    )


def _indented(pem: bytes) -> str:
    return "".join(f"    {line}\n" for line in pem.decode().splitlines())
