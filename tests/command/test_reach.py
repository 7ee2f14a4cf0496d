"""`isoline up --kubeconfig` says when Envoy, on this machine, cannot reach the pods of the cluster."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

from isoline.up import reach
from runtime.link.link_publisher import LinkPublisher
from runtime.link.row import Row
from tests.support.port import free_port


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "SECONDS", 0.2)


@pytest.fixture
def silent() -> Iterator[int]:
    """A port whose queue of connections is full: nobody answers there, as where no route leads."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(2):
            client = stack.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])


def rows(*ports: int | None) -> dict[str, Row]:
    """Load assignments, each with an endpoint at this port of 127.0.0.1, or without any."""
    found = {}
    for at, port in enumerate(ports):
        message = ClusterLoadAssignment()
        if port is not None:
            address = message.endpoints.add().lb_endpoints.add().endpoint.address.socket_address
            address.address, address.port_value = "127.0.0.1", port
        found[f"endpoints/{at}"] = Row.of(message.SerializeToString())
    return found


async def said(*tables: dict[str, Row]) -> list[str]:
    """The lines, where a translator publishes these resources one after the other."""
    folder = Path(tempfile.mkdtemp(prefix="reach-"))
    address, lines = f"ipc://{folder}/r", list[str]()
    publisher = LinkPublisher(address, ("resources",))
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(publisher.run())
        telling = tasks.create_task(reach.tell(address, lines.append))
        for table in tables:
            assert not telling.done()
            publisher.publish("resources", puts=table, deletes=frozenset(), synced=True)
            await asyncio.sleep(0)
        await telling
        serving.cancel()
    shutil.rmtree(folder)
    return lines


async def test_pods_that_do_not_answer_are_told_in_one_line(silent: int) -> None:
    """With the addresses that were tried, and what to do."""
    (line,) = await said(rows(silent, None))

    assert line == (
        f"pod addresses are out of reach from this machine (127.0.0.1:{silent}): requests end with 503."
        " Run isoline in the cluster, or give this machine a route or VPN to its pods;"
        " kubectl port-forward does not help Envoy"
    )


async def test_one_pod_that_can_be_reached_is_enough(silent: int) -> None:
    """Who refuses a connection is there."""
    assert await said(rows(silent, free_port(), silent)) == []


async def test_it_waits_until_there_are_endpoints(silent: int) -> None:
    """An empty cluster says nothing about the way to its pods."""
    assert len(await said({}, rows(None), rows(None, silent))) == 1


async def test_some_addresses_are_tried_and_no_more(silent: int) -> None:
    """Here ten, of which five are named."""
    (line,) = await said(rows(*[silent] * 10))

    assert line.count(f"127.0.0.1:{silent}") == 5
