"""What certgen writes, who may read it, and what a second run keeps."""

import ipaddress
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from isoline import certgen
from runtime.link.keys import LinkKeys

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FILES = {
    "ca/ca.crt",
    "ca/ca.key",
    "xds-server/tls.crt",
    "xds-server/tls.key",
    "xds-server/ca.crt",
    "envoy/tls.crt",
    "envoy/tls.key",
    "envoy/ca.crt",
    "link/watcher/watcher.key_secret",
    "link/watcher/peers/translator.key",
    "link/translator/translator.key_secret",
    "link/translator/peers/watcher.key",
    "link/translator/peers/xds_server.key",
    "link/xds_server/xds_server.key_secret",
    "link/xds_server/peers/translator.key",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "certs"


def held(folder: Path) -> dict[str, bytes]:
    """Every file by its path below the folder."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def names(certificate: x509.Certificate) -> set[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*found.get_values_for_type(x509.DNSName)} | {
        str(address) for address in found.get_values_for_type(x509.IPAddress)
    }


def usages(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def test_the_folder_holds_what_each_process_is_given_and_nothing_else(folder: Path) -> None:
    """One folder a process, named as its flags need it; drafts leave nothing behind."""
    written = certgen.write(folder, now=NOW)

    assert set(held(folder)) == FILES
    assert {str(path.relative_to(folder)) for path in written} == FILES


def test_nobody_but_the_owner_can_read_any_of_it(folder: Path) -> None:
    """Files 0600, folders 0700."""
    certgen.write(folder, now=NOW)

    modes = {path.is_dir(): stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}

    assert modes == {True: 0o700, False: 0o600}


def test_the_ca_may_sign_leaves_and_nothing_else(folder: Path) -> None:
    """Path length 0, signing usages only, critical both (RFC 5280, 4.2.1.9 and 4.2.1.3); P-256; ten years."""
    certgen.write(folder, now=NOW)

    ca = read(folder / "ca/ca.crt")
    constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = ca.extensions.get_extension_for_class(x509.KeyUsage)

    assert (constraints.critical, constraints.value) == (True, x509.BasicConstraints(ca=True, path_length=0))
    assert (usage.critical, usage.value.key_cert_sign, usage.value.digital_signature) == (True, True, False)
    assert isinstance(ca.public_key(), ec.EllipticCurvePublicKey)
    assert ca.not_valid_after_utc == NOW + timedelta(days=3650)


def test_a_server_is_named_as_the_service_and_this_machine_are(folder: Path) -> None:
    """However an Envoy finds the server, in a cluster or in compose, that name stands in the certificate."""
    certgen.write(folder, now=NOW, namespace="edge", names=["xds.example.com", "192.0.2.7"])

    assert names(read(folder / "xds-server/tls.crt")) == {
        "isoline-xds",
        "isoline-xds.edge",
        "isoline-xds.edge.svc",
        "isoline-xds.edge.svc.cluster.local",
        "localhost",
        "127.0.0.1",
        "::1",
        "xds.example.com",
        "192.0.2.7",
    }


def test_a_certificate_serves_one_side_of_tls_only(folder: Path) -> None:
    """An Envoy's certificate cannot pose as a server, nor a server's as an Envoy."""
    certgen.write(folder, now=NOW)

    assert usages(read(folder / "xds-server/tls.crt")) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert usages(read(folder / "envoy/tls.crt")) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert names(read(folder / "envoy/tls.crt")) == {"isoline-envoy"}


@pytest.mark.parametrize("role", ["xds-server", "envoy"])
def test_a_leaf_is_signed_by_the_ca_beside_it_for_the_key_beside_it(folder: Path, role: str) -> None:
    """The three files of a role belong together, and the certificate begins before any skewed clock's now."""
    certgen.write(folder, now=NOW)

    leaf, key = (
        read(folder / role / "tls.crt"),
        load_pem_private_key((folder / role / "tls.key").read_bytes(), None),
    )

    leaf.verify_directly_issued_by(read(folder / role / "ca.crt"))
    assert leaf.public_key() == key.public_key()
    assert leaf.not_valid_before_utc == NOW - timedelta(hours=1)
    assert leaf.not_valid_after_utc == NOW + timedelta(days=398)


@pytest.mark.parametrize(
    ("own", "peers"),
    [("watcher", {"translator"}), ("translator", {"watcher", "xds_server"}), ("xds_server", {"translator"})],
)
def test_a_process_knows_only_those_it_speaks_to(folder: Path, own: str, peers: set[str]) -> None:
    """An xDS server is nobody that a watcher would send Secrets to."""
    certgen.write(folder, now=NOW)

    keys = LinkKeys.load(folder / "link" / own, own)

    assert set(keys.peers) == peers


def test_both_ends_of_a_link_hold_the_same_public_key(folder: Path) -> None:
    """What the translator expects of an xDS server is what that one has."""
    certgen.write(folder, now=NOW)

    server = LinkKeys.load(folder / "link/xds_server", "xds_server")
    translator = LinkKeys.load(folder / "link/translator", "translator")

    assert translator.peers["xds_server"] == server.public
    assert server.peers["translator"] == translator.public
    assert server.secret != translator.secret


def test_a_renewal_keeps_ca_and_link_keys_and_replaces_the_certificates(folder: Path) -> None:
    """Whoever trusts the old certificates trusts the new ones."""
    certgen.write(folder, now=NOW)
    before = held(folder)

    certgen.write(folder, now=NOW + timedelta(days=300))

    after = held(folder)
    assert {path for path in before if before[path] != after[path]} == {
        "xds-server/tls.crt",
        "xds-server/tls.key",
        "envoy/tls.crt",
        "envoy/tls.key",
    }
    read(folder / "envoy/tls.crt").verify_directly_issued_by(read(folder / "ca/ca.crt"))


def test_no_certificate_outlives_its_ca(folder: Path) -> None:
    """A chain is valid while all of it is."""
    certgen.write(folder, now=NOW)

    certgen.write(folder, now=NOW + timedelta(days=3600))

    assert read(folder / "envoy/tls.crt").not_valid_after_utc == NOW + timedelta(days=3650)


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("ca/ca.key", "ca/ca.key is missing: without it no certificate of this CA can be renewed"),
        ("ca/ca.crt", "ca/ca.crt is missing: without it no certificate of this CA can be renewed"),
        ("link/watcher/watcher.key_secret", "watcher.key_secret is missing: remove "),
    ],
)
def test_a_folder_that_lost_a_key_is_refused_and_left_as_it_is(folder: Path, lost: str, said: str) -> None:
    """A new CA or key in its place would cut off whoever trusts the old one."""
    certgen.write(folder, now=NOW)
    (folder / lost).unlink()
    before = held(folder)

    with pytest.raises(certgen.CertgenError, match=said):
        certgen.write(folder, now=NOW)

    assert held(folder) == before


def test_certificates_of_another_ca_are_not_overwritten(folder: Path) -> None:
    """A folder with certificates and no CA is somebody else's."""
    certgen.write(folder, now=NOW)
    for file in ("ca.crt", "ca.key"):
        (folder / "ca" / file).unlink()
    before = held(folder)

    with pytest.raises(
        certgen.CertgenError, match="no CA to renew them by: name another folder, or remove it"
    ):
        certgen.write(folder, now=NOW)

    assert held(folder) == before


def test_an_ended_ca_is_told_with_its_day(folder: Path) -> None:
    """It renews nothing any more."""
    certgen.write(folder, now=NOW)

    with pytest.raises(
        certgen.CertgenError, match=r"ca\.crt ended on 2036-02-27: remove .*certs to start anew"
    ):
        certgen.write(folder, now=NOW + timedelta(days=3651))


def test_a_key_of_another_ca_is_told(folder: Path, tmp_path: Path) -> None:
    """What it signed nobody would trust."""
    certgen.write(folder, now=NOW)
    certgen.write(tmp_path / "other", now=NOW)
    (folder / "ca/ca.key").write_bytes((tmp_path / "other/ca/ca.key").read_bytes())

    with pytest.raises(certgen.CertgenError, match=r"ca\.key is not the key of .*ca\.crt"):
        certgen.write(folder, now=NOW)


def test_a_file_in_the_place_of_the_folder_is_told(folder: Path) -> None:
    """The line names it."""
    folder.write_text("something else")

    with pytest.raises(certgen.CertgenError, match=r"certs: File exists"):
        certgen.write(folder, now=NOW)


@pytest.mark.parametrize("name", ["münchen.example", "a" * 64 + ".example"])
def test_a_name_that_no_certificate_can_hold_is_told_before_anything_is_written(
    folder: Path, name: str
) -> None:
    """A usage error leaves no half-made folder."""
    with pytest.raises(certgen.CertgenError, match="neither a DNS name nor an IP address"):
        certgen.write(folder, now=NOW, names=[name])

    assert not folder.exists()


def test_an_ipv6_address_is_a_name_of_a_server(folder: Path) -> None:
    """Written with or without leading zeros, it is one address."""
    certgen.write(folder, now=NOW, names=["2001:0db8::1"])

    assert str(ipaddress.ip_address("2001:db8::1")) in names(read(folder / "xds-server/tls.crt"))
