"""The gRPC edge over a real socket, in process."""

import asyncio
import time
from pathlib import Path

import grpc.aio
import pytest
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest

from runtime.link.row import Change
from tests.xds.harness import URLS, cluster, endpoints
from xds_server.edge import WAKE, Edge
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


async def test_changes_that_keep_coming_reach_every_stream(tmp_path: Path) -> None:
    """They are woken some at a time: the next change begins no sooner with the first than with the last."""
    tmp_path.chmod(0o700)
    listener = Bind.parse(f"unix:{tmp_path}/xds", tls=False)
    core = Server(1, 0.0)
    core.apply(0, Change(endpoints("a"), frozenset(), synced=True), 0.0, 0.0)
    edge = Edge(core, time.monotonic)
    serving = asyncio.create_task(edge.run([listener], None, lambda: None))
    request = DeltaDiscoveryRequest(type_url=URLS["clusters"]).SerializeToString()
    async with grpc.aio.insecure_channel(listener.text) as channel:
        calls = [channel.stream_stream(ADS)(wait_for_ready=True) for _ in range(3 * WAKE)]
        for call in calls:
            await call.write(request)
            await call.read()  # there is nothing yet
        answers = asyncio.gather(*(call.read() for call in calls))
        number = 0
        async with asyncio.timeout(60.0):
            while not answers.done():
                number += 1
                core.apply(0, Change(cluster("a", str(number)), frozenset(), synced=True), 0.0, 0.0)
                edge.wake()
                await asyncio.sleep(0)

        assert all(answers.result())
    serving.cancel()
    await asyncio.wait([serving])
