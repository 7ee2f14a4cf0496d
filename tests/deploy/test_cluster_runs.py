"""The pods of deploy/ as plain processes: their command lines, three xDS servers, two Envoys, one backend."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.deploy import asking, cluster
from tests.deploy.container import Container
from tests.deploy.plain import Plain
from tests.support.background import Background

pytestmark = [pytest.mark.process, pytest.mark.envoy]

CONTROL_PLANE = tuple(f"isoline-control-plane-0/{name}" for name in ("watcher", "translator", "xds-server"))
SERVERS = ("isoline-xds-server-0/xds-server", "isoline-xds-server-1/xds-server")
ENVOYS = ("isoline-envoy-0/envoy", "isoline-envoy-1/envoy")
# Stands where the example's EndpointSlice says that the user's own backend is.
BACKEND = Container(
    name="backend",
    pod="backend",
    command=("python", "-m", "isoline.demo.backend", "backend", "9000", "0.0.0.0"),  # noqa: S104
)


@pytest.fixture(scope="module")
def plain(background: Background) -> Iterator[Plain]:
    folder = Path(tempfile.mkdtemp(prefix="pods-"))  # short: a unix socket's path has at most 107 characters
    try:
        plan = cluster.plan(folder)
        names = {**plan.names, "192.0.2.10": ["backend"]}
        with Plain(replace(plan, containers=[*plan.containers, BACKEND], names=names), background) as running:
            running.start()
            running.becomes_ready()
            yield running
    finally:
        shutil.rmtree(folder)


def edit(plain: Plain, host: str) -> None:
    """Gives the example another host, as a kubelet changes a ConfigMap's volume."""
    manifests = plain.plan.find("isoline-control-plane-0/watcher").mounts["/manifests"]
    documents = list(yaml.safe_load_all((manifests / "example.yaml").read_text()))
    documents[0]["spec"]["rules"][0]["host"] = host
    cluster.lay_out(manifests, {"example.yaml": yaml.safe_dump_all(documents).encode()})


def test_every_request_is_answered_by_the_backend_that_the_manifests_name(plain: Plain) -> None:
    """On every connection, whichever Envoy takes it; a host that nobody names is a 404."""
    assert asking.answers(plain, "example.com") == {"backend"}
    assert asking.answers(plain, "nobody.example.com") == {"404"}


@pytest.mark.parametrize("name", ENVOYS)
def test_each_envoy_takes_part_under_the_name_of_its_pod(plain: Plain, name: str) -> None:
    """The start file is one for all; the command line names them. Nothing sent to either was refused."""
    admin = asking.admin(plain, name)

    assert json.loads(admin.get("/server_info"))["node"]["id"] == name.partition("/")[0]
    assert admin.clusters() == {"default/example/80"}
    assert admin.rejected() == {}


def test_nothing_is_written_but_to_volumes_that_may_be_written(plain: Plain) -> None:
    """So that a read-only file system is no hindrance."""
    assert asking.written_outside(plain) == set()


def test_the_processes_of_the_pod_meet_in_a_folder_that_is_theirs_alone(plain: Plain) -> None:
    """The volume itself is open to its group; the first process makes the folder below it."""
    run = plain.plan.find(CONTROL_PLANE[0]).mounts["/run/isoline"]

    assert {path.name for path in (run / "link").iterdir() if path.is_socket()} == {"objects", "rejections"}
    assert (run / "link").stat().st_mode & 0o777 == 0o700


def test_a_changed_config_map_reaches_every_envoy(plain: Plain) -> None:
    """Its volume is swapped whole, and the folders that a kubelet keeps in it are no manifests."""
    edit(plain, "changed.example.com")

    asking.becomes(plain, "backend", "changed.example.com")
    assert asking.answers(plain, "example.com") == {"404"}


def test_without_the_control_plane_every_envoy_is_served_even_one_that_starts_anew(plain: Plain) -> None:
    """The other xDS servers keep what they have; the control plane comes back to the same."""
    host = "kept.example.com"
    edit(plain, host)
    asking.becomes(plain, "backend", host)

    for name in (*CONTROL_PLANE, ENVOYS[0]):
        plain.programs[name].kill()
    plain.start(ENVOYS[0])

    plain.becomes_ready(ENVOYS[0])
    assert asking.answers(plain, host) == {"backend"}

    plain.start(*CONTROL_PLANE)

    plain.becomes_ready(*CONTROL_PLANE)
    edit(plain, "back.example.com")
    asking.becomes(plain, "backend", "back.example.com")


@pytest.mark.parametrize("killed", SERVERS)
def test_a_killed_xds_server_is_not_missed(plain: Plain, killed: str) -> None:
    """The Service leads its Envoys to another one, and the next edit reaches them."""
    host = f"without-{killed.partition('/')[0]}.example.com"
    plain.programs[killed].kill()

    edit(plain, host)

    asking.becomes(plain, "backend", host)
    plain.start(killed)
    plain.becomes_ready(killed)
