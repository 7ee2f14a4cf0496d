"""`isoline diff`: what a change of manifests would do to Envoy."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from isoline.difference import Difference, differences
from runtime.link.row import Row
from tests.command.test_explain import SHOP
from tests.support.program import Program

Isoline = Callable[..., Program]


@pytest.fixture
def both(tmp_path: Path) -> tuple[Path, Path]:
    """Two files that say the same."""
    paths = tmp_path / "old.yaml", tmp_path / "new.yaml"
    for path in paths:
        path.write_text(SHOP)
    return paths


def edited(path: Path, old: str, new: str) -> None:
    """Once."""
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


@pytest.mark.usefixtures("both")
def test_nothing_differs_is_exit_code_0_and_an_empty_stdout(isoline: Isoline) -> None:
    """Wherever the objects stand."""
    program = isoline("diff", "old.yaml", "new.yaml")

    assert (program.exit_code(), program.stdout, program.stderr) == (0, [], [])
    assert isoline("diff", "old.yaml", "new.yaml", "-o", "json").stdout == ["[]"]


def test_a_changed_field_is_shown_with_both_values(isoline: Isoline, both: tuple[Path, Path]) -> None:
    """Exit code 1."""
    edited(both[1], "addresses: [10.0.0.2]", "addresses: [10.0.0.9]")

    program = isoline("diff", *both)

    assert program.exit_code() == 1
    address = "endpoints[0].lb_endpoints[1].endpoint.address.socket_address.address"
    assert program.stdout == ["changed endpoints shop/cart/http", f"  {address}: 10.0.0.2 → 10.0.0.9"]


def test_resources_that_come_and_go_are_named(isoline: Isoline, both: tuple[Path, Path]) -> None:
    """A route that is in between changes nothing about those behind it."""
    more = "      - path: /cart/new\n        pathType: Prefix\n"
    more += "        backend: {service: {name: empty, port: {name: http}}}\n      - path: /gone\n"
    edited(both[1], "      - path: /gone\n", more)

    program = isoline("diff", *both)

    route = {
        "match": {"path_separated_prefix": "/cart/new"},
        "route": {"cluster": "shop/empty/http"},
        "name": "Ingress/shop/web",
    }
    assert program.exit_code() == 1
    assert program.stdout[0] == "changed hosts ingress_http/shop.example.com"
    assert json.loads("".join(program.stdout[1:-1]).partition(" → ")[2]) == route
    assert program.stdout[-1] == "added   clusters shop/empty/http"


def test_json_has_a_field_for_each_part(isoline: Isoline, both: tuple[Path, Path]) -> None:
    """Null where there is nothing."""
    edited(both[1], "name: cart, port: {number: 80}", "name: cart, port: {number: 81}")

    program = isoline("diff", *both, "-o", "json")

    fields = [
        {"field": "routes[2].route", "old": {"cluster": "shop/cart/80"}, "new": None},
        {"field": "routes[2].direct_response", "old": None, "new": {"status": 503}},
    ]
    gone = {"change": "removed", "fields": []}
    assert json.loads("\n".join(program.stdout)) == [
        {
            "type": "hosts",
            "name": "ingress_http/shop.example.com",
            "change": "changed",
            "fields": fields,
        },
        {"type": "clusters", "name": "shop/cart/80", **gone},
        {"type": "endpoints", "name": "shop/cart/http", **gone},
    ]


def test_a_file_that_does_not_parse_is_exit_code_2(isoline: Isoline, both: tuple[Path, Path]) -> None:
    """What seems to be gone may stand in it."""
    both[1].write_text("a: [")

    program = isoline("diff", *both)

    assert program.exit_code() == 2
    assert program.stderr[0].startswith(f"File {both[1]}: Unreadable: ")
    assert isoline("diff", both[0], "nowhere").stderr == ["isoline: nowhere: no such file or folder"]


def test_stdin_is_one_side_at_most(isoline: Isoline) -> None:
    """It can be read once."""
    program = isoline("diff", "-", "-")

    assert program.exit_code() == 2
    assert program.stderr == ["isoline: OLD and NEW are both -: stdin can be read once"]


# Secrets


def certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """For shop.example.com, signed by itself."""
    name, now = x509.Name([]), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.DNSName("shop.example.com")])
    return builder.add_extension(names, critical=True).sign(key, hashes.SHA256())


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The key as a file has it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def secret(chain: bytes, key: bytes) -> dict[str, Row]:
    """The table with one Secret."""
    message = Secret(name="shop/web")
    message.tls_certificate.certificate_chain.inline_bytes = chain
    message.tls_certificate.private_key.inline_bytes = key
    return {"secrets/shop/web": Row.of(message.SerializeToString())}


def test_a_renewed_secret_is_told_by_the_fingerprint_of_its_certificate() -> None:
    """Of its key nothing but that it is another."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    chains = [certificate(key) for key in keys]
    old, new = (
        secret(chain.public_bytes(serialization.Encoding.PEM), pem(key))
        for chain, key in zip(chains, keys, strict=True)
    )

    found = list(differences(old, new))

    first, second = (f"SHA-256 {chain.fingerprint(hashes.SHA256()).hex()}" for chain in chains)
    assert [each for one in found for each in one.lines()] == [
        "changed secrets shop/web",
        f"  tls_certificate.certificate_chain: {first} → {second}",
        "  tls_certificate.private_key: <redacted> → <redacted>",
    ]
    fields = {field["field"]: (field["old"], field["new"]) for field in found[0].as_json()["fields"]}
    assert fields["tls_certificate.private_key"] == ("<redacted>", "<redacted>")


def test_a_chain_that_is_no_certificate_is_not_shown() -> None:
    """It may be a key in the wrong place."""
    found = list(differences(secret(b"one", b"key"), secret(b"two", b"key")))

    assert [type(each) for each in found] == [Difference]
    line = "  tls_certificate.certificate_chain: <redacted> → <redacted>"
    assert list(found[0].lines()) == ["changed secrets shop/web", line]
