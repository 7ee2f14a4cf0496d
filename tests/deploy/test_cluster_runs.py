"""The pods of deploy/, read back from an API server, as plain processes: three xDS servers, two Envoys."""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.deploy import asking, each_kind, mount_namespace
from tests.deploy.container import ROOT
from tests.deploy.installed import CONTROL_PLANE, WATCHER, Installed, installed
from tests.deploy.plain import FLEET, Plain
from tests.kube.cluster import Cluster
from tests.kube.kubectl import kubectl
from tests.support import certificate, https
from tests.support.background import Background
from tests.support.own_address import own_address
from tests.support.port import free_port
from tests.support.program import Program

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.envoy,
    pytest.mark.process,
    pytest.mark.skipif(mount_namespace.way() is None, reason="no mount namespace can be made here"),
]

SERVERS = ("isoline-xds-server-0/xds-server", "isoline-xds-server-1/xds-server")
ENVOYS = ("isoline-envoy-0/envoy", "isoline-envoy-1/envoy")
HOST = "web.example.com"


@pytest.fixture(scope="module")
def running(assets: Path, background: Background) -> Iterator[Installed]:
    """All of it, and the README's Ingress for a Service `web`."""
    address, port = own_address(), free_port()  # an API server takes no endpoint on loopback
    backend = [sys.executable, "-m", "isoline.demo.backend", "web", str(port), address]
    text = (ROOT / "deploy/README.md").read_text()
    command = re.search(r"^    kubectl (create ingress web .*)$", text, re.MULTILINE)
    assert command
    with Program(backend), Cluster(assets) as cluster, installed(cluster, background) as found:
        found.client.apply(*web(address, port))
        kubectl(*shlex.split(command[1]), kubeconfig=cluster.kubeconfig())
        found.plain.start()
        found.plain.becomes_ready()
        yield found


def web(address: str, port: int) -> list[dict[str, object]]:
    """A Service, and the EndpointSlice that a controller would make."""
    labels = {"kubernetes.io/service-name": "web"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"ports": [{"name": "http", "port": 80}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": "web-1", "labels": labels},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address]}],
            "ports": [{"name": "http", "port": port}],
        },
    ]


@pytest.fixture
def plain(running: Installed) -> Plain:
    return running.plain


def edit(running: Installed, host: str) -> None:
    """Gives the Ingress another host."""
    change = [{"op": "replace", "path": "/spec/rules/0/host", "value": host}]
    running.client.patch("Ingress", "web", change, how="json")


def has_address(running: Installed, address: str) -> bool:
    return running.address("web") == address


def shown(plain: Plain, host: str) -> set[bytes]:
    """The certificates that Envoys show for a host, in PEM; OSError where a handshake fails."""
    found = set()
    for _ in range(asking.CONNECTIONS):
        with https.connected(plain.port(8443), host, address=plain.addresses[FLEET]) as connection:
            found.add(https.leaf(connection))
    return found


def test_every_request_is_answered_by_the_backend_that_the_cluster_names(plain: Plain) -> None:
    """On every connection, whichever Envoy takes it; a host that nobody names is a 404."""
    assert asking.answers(plain, HOST) == {"web"}
    assert asking.answers(plain, "nobody.example.com") == {"404"}


@pytest.mark.parametrize("name", ENVOYS)
def test_each_envoy_takes_part_under_the_name_of_its_pod(plain: Plain, name: str) -> None:
    """The start file is one for all; the command line names them. Nothing sent to either was refused."""
    admin = asking.admin(plain, name)

    assert json.loads(admin.get("/server_info"))["node"]["id"] == name.partition("/")[0]
    assert admin.clusters() == {"default/web/80"}
    assert admin.rejected() == {}


def test_nothing_is_written_but_to_volumes_that_may_be_written(plain: Plain) -> None:
    """So that a read-only file system is no hindrance."""
    assert asking.written_outside(plain) == set()


def test_the_processes_of_the_pod_meet_in_a_folder_that_is_theirs_alone(plain: Plain) -> None:
    """The volume itself is open to its group; the first process makes the folder below it."""
    run = plain.plan.find(WATCHER).mounts["/run/isoline"]

    assert {path.name for path in (run / "link").iterdir() if path.is_socket()} == {"objects", "rejections"}
    assert (run / "link").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("number", [1, 2])
def test_a_certificate_reaches_every_envoy_and_so_does_a_renewed_one(
    running: Installed, plain: Plain, number: int
) -> None:
    """From a Secret of the cluster, over both hops of the link and by xDS."""
    found = certificate.pair(HOST, number=number)
    running.client.apply(certificate.secret("web", found))
    running.client.patch("Ingress", "web", {"spec": {"tls": [{"hosts": [HOST], "secretName": "web"}]}})

    plain.until(lambda: shown(plain, HOST) == {found.chain}, "the certificate is shown on every connection")


def test_an_ingress_has_the_address_of_the_envoys(running: Installed, plain: Plain) -> None:
    """That of their Service, and another one when a cloud gives it another."""
    for address in ("192.0.2.80", "192.0.2.81"):
        running.move(address)

        plain.until(partial(has_address, running, address), f"{address} is in its status")


def test_a_mistake_is_told_where_its_owner_looks(running: Installed, plain: Plain) -> None:
    """As an Event, which `kubectl describe` shows."""
    (wrong, *_) = each_kind.named("wrong")
    running.client.apply(wrong)
    config = running.cluster.kubeconfig()

    plain.until(
        lambda: "ServiceNotFound" in kubectl("describe", "ingress", "wrong", kubeconfig=config),
        "its Service is missed",
    )


def test_a_change_reaches_every_envoy(running: Installed, plain: Plain) -> None:
    """As soon as the API server has it."""
    edit(running, "changed.example.com")

    asking.becomes(plain, "web", "changed.example.com")
    assert asking.answers(plain, HOST) == {"404"}


def test_without_the_control_plane_every_envoy_is_served_even_one_that_starts_anew(
    running: Installed, plain: Plain
) -> None:
    """The other xDS servers keep what they have; the control plane comes back to the same."""
    host = "kept.example.com"
    edit(running, host)
    asking.becomes(plain, "web", host)

    for name in (*CONTROL_PLANE, ENVOYS[0]):
        plain.programs[name].kill()
    plain.start(ENVOYS[0])

    plain.becomes_ready(ENVOYS[0])
    assert asking.answers(plain, host) == {"web"}

    plain.start(*CONTROL_PLANE)

    plain.becomes_ready(*CONTROL_PLANE)
    edit(running, "back.example.com")
    asking.becomes(plain, "web", "back.example.com")


@pytest.mark.parametrize("killed", SERVERS)
def test_a_killed_xds_server_is_not_missed(running: Installed, plain: Plain, killed: str) -> None:
    """The Service leads its Envoys to another one, and the next edit reaches them."""
    host = f"without-{killed.partition('/')[0]}.example.com"
    plain.programs[killed].kill()

    edit(running, host)

    asking.becomes(plain, "web", host)
    plain.start(killed)
    plain.becomes_ready(killed)
