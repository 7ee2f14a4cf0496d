"""The certificates and keys that the processes trust each other by, as files of one folder.

    ca/ca.crt  ca/ca.key                                signs the others; its key never leaves this folder
    xds-server/tls.crt  tls.key  ca.crt                 --xds-tls of every xDS server
    envoy/tls.crt  tls.key  ca.crt                      --xds-tls of every Envoy's start file
    link/<process>/<process>.key_secret  peers/*.key    --link-keys of watcher, translator, xds_server

Each is readable by its owner alone. A second run renews the certificates in place: the CA stays, so whoever
trusts the old ones trusts the new ones; the link's keys stay too, for they have no end.
"""

import ipaddress
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from runtime.link import keys

CA_DAYS = 3650
# The longest that public CAs may sign for (CA/Browser Forum, until March 2026): a year, and a month to renew.
LEAF_DAYS = 398
# The clocks of a cluster differ: no certificate may begin in anybody's future.
SKEW = timedelta(hours=1)

NAMESPACE = "isoline"
SERVICE = "isoline-xds"
CLIENT = "isoline-envoy"
# Who connects to whom on the link: a process accepts nobody else's key.
LINKED = {
    "watcher": ("translator",),
    "translator": ("watcher", "xds_server"),
    "xds_server": ("translator",),
}
# RFC 1123, 2.1: labels of letters, digits and hyphens; the first may be a wildcard (RFC 6125, 6.4.3).
LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
DNS_NAME = re.compile(rf"(\*\.)?{LABEL}(\.{LABEL})*", re.IGNORECASE)
CA, XDS_SERVER, ENVOY, LINK = "ca", "xds-server", "envoy", "link"


class CertgenError(Exception):
    """Why the folder can't be written or renewed, in one line for its user."""


@dataclass(frozen=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Leaf:
    folder: str
    name: str
    names: x509.SubjectAlternativeName
    usage: x509.ObjectIdentifier


def write(
    folder: Path,
    *,
    now: datetime,
    names: Sequence[str] = (),
    namespace: str = NAMESPACE,
    days: int = LEAF_DAYS,
) -> list[Path]:
    """Makes what is missing, renews the certificates, keeps CA and link keys; returns the files written.

    `names` are further DNS names and IP addresses of the xDS servers, beside those of the Service
    `isoline-xds` in `namespace` and of this machine. No certificate outlives the CA. `now` has a time zone.
    Raises CertgenError, and then nothing that was there has changed.
    """
    server = _server_names(names, namespace)
    client = x509.SubjectAlternativeName([x509.DNSName(CLIENT)])
    try:
        _make_private(folder)
        authority, written = _authority(folder, now)
        written += _write_link(folder / LINK)
        end = min(now + timedelta(days=days), authority.certificate.not_valid_after_utc)
        for leaf in (
            _Leaf(XDS_SERVER, SERVICE, server, ExtendedKeyUsageOID.SERVER_AUTH),
            _Leaf(ENVOY, CLIENT, client, ExtendedKeyUsageOID.CLIENT_AUTH),
        ):
            written += _write_leaf(folder, authority, leaf, now - SKEW, end)
    except OSError as error:
        raise CertgenError(f"{error.filename or folder}: {error.strerror or error}") from error
    return written


def _authority(folder: Path, now: datetime) -> tuple[_Authority, list[Path]]:
    """The CA of the folder, made where there is none."""
    certificate, key = folder / CA / "ca.crt", folder / CA / "ca.key"
    if certificate.exists() and key.exists():
        return _read_authority(certificate, key, now), []
    if certificate.exists() or key.exists():
        missing = key if certificate.exists() else certificate
        raise CertgenError(f"{missing} is missing: without it no certificate of this CA can be renewed")
    for name in (XDS_SERVER, ENVOY):
        if (folder / name / "tls.crt").exists():
            raise CertgenError(
                f"{folder / name} holds certificates, but {certificate.parent} no CA to renew them by:"
                " name another folder, or remove it"
            )
    made = _make_authority(now)
    _make_private(certificate.parent)
    return made, [
        _write(key, _key_bytes(made.key)),
        _write(certificate, made.certificate.public_bytes(serialization.Encoding.PEM)),
    ]


def _read_authority(certificate: Path, key: Path, now: datetime) -> _Authority:
    try:
        read = x509.load_pem_x509_certificate(certificate.read_bytes())
        secret = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise CertgenError(f"{certificate.parent}: not a certificate and its key in PEM") from error
    if not isinstance(secret, ec.EllipticCurvePrivateKey) or secret.public_key() != read.public_key():
        raise CertgenError(f"{key} is not the key of {certificate}")
    if read.not_valid_after_utc <= now:
        end = read.not_valid_after_utc.date()
        raise CertgenError(f"{certificate} ended on {end}: remove {certificate.parent.parent} to start anew")
    return _Authority(read, secret)


def _make_authority(now: datetime) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("isoline CA")
    built = (
        _builder(name, name, key, now - SKEW, now + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _Authority(built.sign(key, hashes.SHA256()), key)


def _write_leaf(root: Path, authority: _Authority, leaf: _Leaf, begin: datetime, end: datetime) -> list[Path]:
    """A new key and its certificate, for one side of TLS only."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer, folder = authority.certificate, root / leaf.folder
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    certificate = (
        _builder(_name(leaf.name), issuer.subject, key, begin, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([leaf.usage]), critical=False)
        .add_extension(leaf.names, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issued_by, critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    _make_private(folder)
    pem = serialization.Encoding.PEM
    return [
        _write(folder / "tls.key", _key_bytes(key)),
        _write(folder / "tls.crt", certificate.public_bytes(pem)),
        _write(folder / "ca.crt", issuer.public_bytes(pem)),
    ]


def _write_link(folder: Path) -> list[Path]:
    """All key pairs at once, for each names the others; those that are there stay."""
    if folder.exists():
        for name in LINKED:
            if not (found := folder / name / f"{name}.key_secret").exists():
                raise CertgenError(f"{found} is missing: remove {folder} to make all keys of the link anew")
        return []
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".link-") as draft:
        made = Path(draft, LINK)
        keys.generate(made, LINKED)
        for name, peers in LINKED.items():
            for peer in (made / name / keys.PEERS).iterdir():
                if peer.stem not in peers:
                    peer.unlink()
        for path in (made, *made.rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
        made.rename(folder)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _server_names(names: Sequence[str], namespace: str) -> x509.SubjectAlternativeName:
    """Every name that an Envoy in the cluster, in compose or on this machine finds the servers by."""
    service = (SERVICE, f"{SERVICE}.{namespace}", f"{SERVICE}.{namespace}.svc")
    known = (*service, f"{SERVICE}.{namespace}.svc.cluster.local", "localhost", "127.0.0.1", "::1")
    return x509.SubjectAlternativeName([_general_name(name) for name in dict.fromkeys((*known, *names))])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        if not DNS_NAME.fullmatch(name):
            raise CertgenError(f"{name}: neither a DNS name nor an IP address") from None
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """RFC 5280, 4.2.1.3: a CA signs certificates, a leaf the handshake of TLS 1.3."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _make_private(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True)


def _write(path: Path, content: bytes) -> Path:
    """Replaces the file as a whole; nobody else can read it at any time."""
    number, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # made with mode 0600
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        return Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
