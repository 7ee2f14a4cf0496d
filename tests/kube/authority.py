"""A certificate authority of a test's own."""

import datetime as dt
from collections.abc import Sequence
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.certificate import Pair, pem

_LIFE = dt.timedelta(days=1)


class Authority:
    """Issues certificates that are valid from a day ago until tomorrow, unless they have expired."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
            decipher_only=False,
        )  # fmt: skip
        made = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
        )
        self.certificate = _pem(made.sign(self._key, hashes.SHA256()))

    def server(self, address: str) -> Pair:
        """For a server at this IP address."""
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        return self._issue(_name(address), names)

    def client(self, user: str, groups: Sequence[str] = (), *, expired: bool = False) -> Pair:
        """For a user as Kubernetes reads it: the common name, and an organization for each group."""
        return self._issue(_name(user, groups), ends=-_LIFE / 2 if expired else _LIFE)

    def _issue(self, subject: x509.Name, *extensions: x509.ExtensionType, ends: dt.timedelta = _LIFE) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._builder(subject, key, ends)
        for extension in extensions:
            made = made.add_extension(extension, critical=False)
        return Pair(_pem(made.sign(self._key, hashes.SHA256())), pem(key))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, ends: dt.timedelta = _LIFE
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _LIFE)
            .not_valid_after(now + ends)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(issuer, critical=False)
        )


def _name(common: str, organizations: Sequence[str] = ()) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
