import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from runtime.probe import Probe
from runtime.start_error import StartError


@asynccontextmanager
async def serving(
    folder: Path, ready: Callable[[], str | None] = lambda: None
) -> AsyncIterator[Callable[[str], Any]]:
    """A probe on two unix sockets; yields `get(path) -> (status, text)`."""
    probe, debug = folder / "probe", folder / "debug"
    part = Probe(
        probe=f"unix:{probe}", debug=f"unix:{debug}", ready=ready, status=lambda: {"rows": 3, "at": Path("x")}
    )
    task = asyncio.create_task(part.run())

    async def get(path: str) -> tuple[int, str]:
        address = debug if path.startswith("/debug") else probe
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(address))) as session,
            session.get(f"http://probe{path}") as response,
        ):
            return response.status, await response.text()

    try:
        async with asyncio.timeout(30):
            while not (probe.is_socket() and debug.is_socket()):
                await asyncio.sleep(0)
                if task.done():
                    task.result()
        yield get
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_readiness_tells_the_reason_and_liveness_does_not_depend_on_it(tmp_path: Path) -> None:
    """A process without its source is alive (it serves what it has) and says why it isn't ready."""
    async with serving(tmp_path, ready=lambda: "objects: not synced") as get:
        assert await get("/healthz") == (200, "ok\n")
        assert await get("/readyz") == (503, "objects: not synced\n")


async def test_a_ready_process_says_ok(tmp_path: Path) -> None:
    """No reason means ready."""
    async with serving(tmp_path) as get:
        assert await get("/readyz") == (200, "ok\n")


async def test_metrics_are_in_prometheus_form(tmp_path: Path) -> None:
    """The process's own figures are there beside ours."""
    async with serving(tmp_path) as get:
        status, text = await get("/metrics")

        assert status == 200
        assert "# TYPE process_resident_memory_bytes gauge" in text


async def test_status_is_json_of_the_state(tmp_path: Path) -> None:
    """Values that JSON lacks are shown as text."""
    async with serving(tmp_path) as get:
        assert await get("/debug/status") == (200, '{\n  "at": "x",\n  "rows": 3\n}')


async def test_a_profile_shows_where_the_loop_spends_its_time(tmp_path: Path) -> None:
    """The whole loop is sampled, not the task that asked."""

    async def spend_time_here() -> None:
        while True:
            sum(range(20_000))
            await asyncio.sleep(0)

    async with serving(tmp_path) as get:
        work = asyncio.create_task(spend_time_here())
        status, text = await get("/debug/profile?seconds=0.3")
        work.cancel()

        assert status == 200
        assert "spend_time_here" in text


@pytest.mark.parametrize("seconds", ["0", "-1", "61", "nan", "soon"])
async def test_a_profile_is_bounded(tmp_path: Path, seconds: str) -> None:
    """Nobody slows a process down for longer than a minute with one request."""
    async with serving(tmp_path) as get:
        assert (await get(f"/debug/profile?seconds={seconds}"))[0] == 400


async def test_the_state_is_not_on_the_probe_address(tmp_path: Path) -> None:
    """The probe address may face the network; the state may not."""
    async with (
        serving(tmp_path),
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(tmp_path / "probe"))) as session,
        session.get("http://probe/debug/status") as response,
    ):
        assert response.status == 404


@pytest.mark.parametrize("address", ["0.0.0.0:9000", "10.1.2.3:9000", "[::]:9000", "example.com:9000"])
def test_the_debug_pages_are_refused_beyond_loopback(address: str) -> None:
    """They name every host and Envoy."""
    with pytest.raises(StartError, match="only a loopback address or unix:PATH"):
        Probe(probe=None, debug=address, ready=lambda: None, status=dict)


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:²"])
async def test_what_is_no_address_is_one_clear_line(address: str) -> None:
    """Flag and address are named."""
    part = Probe(probe=address, debug=None, ready=lambda: None, status=dict)

    with pytest.raises(StartError, match=f"^--probe {address}: expected host:port or unix:PATH$"):
        await part.run()


async def test_a_taken_port_is_one_clear_line(unused_tcp_port: int) -> None:
    """Flag, address and reason are named."""
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", unused_tcp_port)
    part = Probe(probe=f"127.0.0.1:{unused_tcp_port}", debug=None, ready=lambda: None, status=dict)

    async with server:
        with pytest.raises(StartError, match=rf"--probe 127.0.0.1:{unused_tcp_port}: .*in use"):
            await part.run()


async def test_the_socket_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    """A stale file is no reason not to start, and none is left behind after a clean stop."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "probe"))

    async with serving(tmp_path) as get:
        assert await get("/healthz") == (200, "ok\n")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flag", ["probe", "debug"])
async def test_what_is_no_socket_stays_and_is_one_clear_line(tmp_path: Path, flag: str) -> None:
    """A mistyped path costs nobody a file."""
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    part = Probe(**{"probe": None, "debug": None, flag: f"unix:{path}"}, ready=lambda: None, status=dict)

    with pytest.raises(StartError, match=f"^--{flag} unix:{path}: what is there is no socket$"):
        await part.run()

    assert path.read_text() == "mine"
