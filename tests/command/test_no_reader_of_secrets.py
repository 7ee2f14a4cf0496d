"""A private key is in no output of any tool: each is run over the same Secret, and searched for its key."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.command.test_diff import certificate, pem, secret
from tests.command.test_get import resources
from tests.support.background import Background
from tests.support.program import Program
from tests.xds.serving import Serving

Isoline = Callable[..., Program]
URL = "https://shop.example.com/"


def marks(key: bytes) -> list[str]:
    """Pieces of a key in every form that it might have: as PEM, and in base64 at each of three offsets."""
    lines = [line for line in key.decode().splitlines() if not line.startswith("-----")]
    encoded = [base64.b64encode(b" " * at + key).decode()[40:80] for at in range(3)]
    assert all(len(mark) > 20 for mark in lines[:1] + encoded)
    return [*lines, *encoded]


def objects(chain: bytes, key: bytes) -> str:
    """An Ingress with TLS, its Service, and its Secret."""
    rule = {
        "host": "shop.example.com",
        "http": {
            "paths": [
                {
                    "path": "/",
                    "pathType": "Prefix",
                    "backend": {"service": {"name": "cart", "port": {"number": 80}}},
                }
            ]
        },
    }
    tls = [{"hosts": ["shop.example.com"], "secretName": "web"}]
    data = {name: base64.b64encode(value).decode() for name, value in (("tls.crt", chain), ("tls.key", key))}
    listed = [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"rules": [rule], "tls": tls},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"ports": [{"port": 80}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "web", "namespace": "shop"},
            "type": "kubernetes.io/tls",
            "data": data,
        },
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": listed})


@pytest.fixture
def pairs() -> list[tuple[bytes, bytes]]:
    """Two certificates with their keys."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    return [(certificate(key).public_bytes(serialization.Encoding.PEM), pem(key)) for key in keys]


def demand_hidden(programs: list[Program], keys: list[bytes]) -> None:
    """Neither stdout nor stderr of any has a piece of any key; and each has said something."""
    for program in programs:
        said = "".join(line.strip() for line in (*program.stdout, *program.stderr))
        assert said, program
        assert [mark for key in keys for mark in marks(key) if mark in said] == [], program.command


@pytest.mark.parametrize(("form", "broken"), [("text", False), ("json", False), ("yaml", True)])
def test_a_key_in_a_manifest_is_not_shown(
    isoline: Isoline,
    tmp_path: Path,
    pairs: list[tuple[bytes, bytes]],
    form: str,
    broken: bool,  # noqa: FBT001
) -> None:
    """Nor one in the place of the certificate, which is told."""
    for name, (chain, key) in zip(("old.json", "new.json"), pairs, strict=True):
        (tmp_path / name).write_text(objects(key if broken else chain, key))
    both = tmp_path / "old.json", tmp_path / "new.json"

    programs = [
        isoline("check", both[0], "-o", form),
        isoline("render", both[0], "-o", form),
        isoline("diff", *both, "-o", form),
        isoline("explain", URL, "--from", both[0], "-o", form),
    ]

    demand_hidden(programs[:2] + programs[3:], [key for _, key in pairs])
    marked = [mark for _, key in pairs for mark in marks(key)]
    assert not any(mark in "".join([*programs[2].stdout, *programs[2].stderr]) for mark in marked)


@pytest.mark.process
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_key_in_a_running_system_is_not_shown(
    isoline: Isoline, background: Background, pairs: list[tuple[bytes, bytes]], form: str, tmp_path: Path
) -> None:
    """A Secret that an Envoy is given whole."""
    debug = f"unix:{tmp_path}/debug"
    with Serving(background, "--debug", debug) as serving:
        serving.put(resources(), secret(*pairs[0]))

        programs = [
            isoline("get", "secrets", "--xds", serving.address, "-o", form),
            isoline("get", "listeners", "--xds", serving.address, "-o", form),
            isoline("explain", URL, "--xds", serving.address, "-o", form),
            isoline("status", "--debug", debug, "-o", form),
        ]

    assert any("shop/web" in line for line in programs[0].stdout)
    demand_hidden(programs, [key for _, key in pairs])
