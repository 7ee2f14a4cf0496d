"""Damaged certificates and keys: never more than a flaw, and what is taken, the real Envoy takes."""

import textwrap
from base64 import b64decode, b64encode
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.certificate import Pair, pair, secret
from tests.translator.real_envoy import refusal
from translator import certificate
from translator.certificate import FlawError
from translator.envoy import tls

pytestmark = pytest.mark.law

GOOD = {kind: pair("shop.example.com", kind=kind) for kind in ("RSA", "ECDSA")}
MADE: set[tuple[str, bytes]] = set()


@pytest.fixture(scope="module", autouse=True)
def a_real_envoy_takes_what_was_taken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """At the end."""
    yield

    assert refusal(sorted(MADE), tmp_path_factory.mktemp("envoy")) == ""


def der(pem: bytes) -> bytes:
    return b64decode("".join(line for line in pem.decode().splitlines() if not line.startswith("-")))


def pem(label: str, content: bytes) -> bytes:
    lines = textwrap.wrap(b64encode(content).decode(), 64)
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """The same with up to three bytes changed, lost or added."""
    found = bytearray(content)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(found) - 1))
        found[at : at + draw(st.integers(0, 1))] = draw(st.binary(max_size=1))
    return bytes(found)


@given(data=st.data(), kind=st.sampled_from(sorted(GOOD)))
def test_a_damaged_secret_is_a_flaw_or_serves(data: st.DataObject, kind: str) -> None:
    """Whatever the libraries say of it."""
    chain = data.draw(damaged(der(GOOD[kind].chain)))
    key = data.draw(damaged(der(GOOD[kind].key)))
    found = secret("web", Pair(pem("CERTIFICATE", chain), pem("PRIVATE KEY", key)))

    try:
        made = certificate.read(found)
    except FlawError:
        return
    MADE.add(("secrets/default/web", tls.secret("default/web", made)))


@given(chain=st.binary(max_size=64), key=st.binary(max_size=64))
def test_bytes_that_are_no_pem_are_a_flaw(chain: bytes, key: bytes) -> None:
    """Of the one or of the other."""
    for item in (Pair(chain, key), Pair(GOOD["ECDSA"].chain, key), Pair(chain, GOOD["ECDSA"].key)):
        with pytest.raises(FlawError):
            certificate.read(secret("web", item))
