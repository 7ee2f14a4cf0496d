"""The gRPC edge over a real socket, in process."""

import asyncio
import time
from pathlib import Path

import grpc.aio
import pytest

from runtime.link.row import Change
from xds_server.edge import Edge
from xds_server.listen import Bind
from xds_server.server import Server
from xds_server.stream import Stream

ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"


class Mistaken(Server):
    def receive(self, stream: Stream, data: bytes) -> None:  # noqa: ARG002 - what it overrides
        raise KeyError("a mistake of ours")


async def test_a_mistake_of_ours_ends_the_edge(tmp_path: Path) -> None:
    """It is not one stream's bad luck: whoever connects again would meet it again."""
    tmp_path.chmod(0o700)
    listener = Bind.parse(f"unix:{tmp_path}/xds", tls=False)
    core = Mistaken(1, 0.0)
    core.apply(0, Change({}, frozenset(), synced=True), 0.0, 0.0)
    edge = asyncio.create_task(Edge(core, time.monotonic).run([listener], None, lambda: None))
    async with grpc.aio.insecure_channel(listener.text) as channel:
        call = channel.stream_stream(ADS)(wait_for_ready=True)
        await call.write(b"a request")

        with pytest.raises(KeyError, match="a mistake of ours"):
            await edge
