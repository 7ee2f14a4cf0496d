"""`isoline watcher --kubeconfig` as a process."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from isoline.up import unix_http
from tests.support.background import Background
from tests.support.deadline import wait_until
from tests.support.program import Program
from tests.support.up import ISOLINE
from tests.watcher.cluster import answers
from tests.watcher.cluster.api_server import ApiServer
from tests.watcher.cluster.bodies import service
from tests.watcher.cluster.following import kubeconfig

pytestmark = pytest.mark.process


@pytest.fixture
def server(background: Background) -> Iterator[ApiServer]:
    """It has a Service."""
    made = ApiServer()
    made.store.put(service("web"))
    background.run(made.start())
    yield made
    background.run(made.stop())


@pytest.fixture
def run_dir() -> Iterator[Path]:
    """Of a short name: the path of a unix socket has at most 107 characters."""
    path = Path(tempfile.mkdtemp(prefix="isoline-"))
    yield path
    shutil.rmtree(path)


def watcher(run_dir: Path, server: ApiServer) -> Program:
    sockets = [f"--{name}=unix:{run_dir}/{name}" for name in ("probe", "debug")]
    config = kubeconfig(run_dir, server.url)
    return Program([ISOLINE, "watcher", "--kubeconfig", config, f"--publish=ipc://{run_dir}/o", *sockets])


def ready(run_dir: Path) -> tuple[int, str]:
    return asyncio.run(unix_http.get(run_dir / "probe", "/readyz"))


def test_it_is_ready_when_the_cluster_is_listed_and_stays_ready_in_an_outage(
    server: ApiServer, run_dir: Path, background: Background
) -> None:
    """K13. Exit code 0, and nothing on stderr but its log."""
    with watcher(run_dir, server) as program:
        wait_until(lambda: ready(run_dir) == (200, "ok\n"), "ready", of=[program])
        background.run(server.stop())
        program.said("API server unreachable")

        assert ready(run_dir) == (200, "ok\n")
        assert program.terminate() == 0
        assert [line for line in program.stderr if not line.startswith("{")] == []


def test_it_says_what_it_waits_for(server: ApiServer, run_dir: Path) -> None:
    """By the name that RBAC has for it, and in the server's words."""
    server.mood["services"] = answers.status(403, "services is forbidden")

    with watcher(run_dir, server) as program:
        program.said("services is forbidden")
        told = "not listed yet: services (403: services is forbidden)\n"
        wait_until(lambda: ready(run_dir) == (503, told), "the reason", of=[program])


def test_it_says_that_nobody_can_be_reached(server: ApiServer, run_dir: Path, background: Background) -> None:
    """And serves when somebody can."""
    background.run(server.stop())

    with watcher(run_dir, server) as program:
        program.said("API server unreachable")
        told = f"API server unreachable: 127.0.0.1:{server.port}: Connection refused\n"
        assert ready(run_dir) == (503, told)
        background.run(server.start())

        wait_until(lambda: ready(run_dir) == (200, "ok\n"), "ready", of=[program])


def test_its_status_tells_each_source(server: ApiServer, run_dir: Path) -> None:
    """State, trouble, objects and lists."""
    server.mood["tlscertificatedelegations"] = answers.status(404)

    with watcher(run_dir, server) as program:
        wait_until(lambda: ready(run_dir) == (200, "ok\n"), "ready", of=[program])
        _, body = asyncio.run(unix_http.get(run_dir / "debug", "/debug/status"))
        _, metrics = asyncio.run(unix_http.get(run_dir / "probe", "/metrics"))

    found = {each.pop("source"): each for each in orjson.loads(body)["cluster"]["sources"]}
    assert found["services"] == {"state": "watching", "trouble": "", "objects": 1, "lists": 1}
    assert found["tlscertificatedelegations.projectcontour.io"]["state"] == "missing"
    assert 'isoline_watcher_objects{resource="services"} 1.0' in metrics
    assert 'isoline_watcher_current{resource="secrets"} 1.0' in metrics
    assert 'isoline_watcher_requests_total{resource="services",verb="watch"} 1.0' in metrics
