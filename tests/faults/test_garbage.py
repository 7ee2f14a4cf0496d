"""Whoever reaches a socket may send what he likes: that peer ends, nothing else."""

import contextlib
import os
import random
import socket
from collections.abc import Callable, Iterator

import grpc
import pytest
import zmq

from tests.faults.conftest import HOST
from tests.faults.test_start_order import backend_at
from tests.support.ads import AdsClient
from tests.support.manifest import Folder
from tests.support.pipeline import Pipeline
from tests.support.up import ROLES, Up

pytestmark = [pytest.mark.envoy, pytest.mark.process]

Shop = Callable[[str], None]
ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService"


def test_noise_on_every_socket_changes_nothing(up: Up, shop: Shop) -> None:
    """Random bytes, and connections that stay open and say nothing."""
    noise = random.Random(3)
    held = []
    for path in [path for path in up.run_dir.rglob("*") if path.is_socket()] * 3:
        peer = socket.socket(socket.AF_UNIX)
        held.append(peer)
        with contextlib.suppress(OSError):
            peer.connect(str(path))
            peer.settimeout(1.0)
            peer.sendall(noise.randbytes(noise.choice([1, 100, 100_000])))

    shop("b")

    up.becomes("b", HOST)
    for peer in held:
        peer.close()


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("kind", [zmq.XSUB, zmq.XPUB, zmq.DEALER], ids=["XSUB", "XPUB", "DEALER"])
def test_a_zeromq_peer_that_talks_nonsense_is_not_listened_to(folder: Folder, shop: Shop, kind: int) -> None:
    """Well-formed ZeroMQ messages of random frames, to each address of the link."""
    noise = random.Random(4)
    with Pipeline(folder.root) as pipeline, zmq.Context() as context, AdsClient(pipeline.address) as client:
        pipeline.start(*ROLES)
        pipeline.until(lambda: "default/a/80" in client.held["clusters"], "the cluster of a")
        for name in ("objects", "resources", "rejections"):
            with context.socket(kind) as peer:
                peer.linger = peer.sndtimeo = 0
                peer.connect(f"ipc://{pipeline.run_dir}/{name}")
                peer.poll(10_000, zmq.POLLOUT)
                for size in (0, 1, 7, 1000, 70_000) * 20:
                    frames = [b"\x01" + noise.randbytes(size) for _ in range(noise.randrange(1, 6))]
                    with contextlib.suppress(zmq.Again):
                        peer.send_multipart(frames)

        shop("b")

        pipeline.until(lambda: "default/b/80" in client.held["clusters"], "the cluster of b")
        assert [role for role in ROLES if pipeline.programs[role].popen.poll() is not None] == []


@pytest.mark.parametrize(
    "method", [f"{ADS}/DeltaAggregatedResources", f"{ADS}/StreamAggregatedResources", "/x/Y"]
)
def test_a_grpc_client_that_talks_nonsense_loses_its_own_stream_only(
    folder: Folder, shop: Shop, method: str
) -> None:
    """Its stream ends with an error; another client's goes on."""

    def requests() -> Iterator[bytes]:
        yield os.urandom(1_000)
        yield b""

    with Pipeline(folder.root) as pipeline, AdsClient(pipeline.address) as client:
        pipeline.start(*ROLES)
        pipeline.until(lambda: "default/a/80" in client.held["clusters"], "the cluster of a")
        with grpc.insecure_channel(pipeline.address) as channel, pytest.raises(grpc.RpcError):
            list(channel.stream_stream(method)(requests(), timeout=30.0))

        shop("b")

        pipeline.until(lambda: "default/b/80" in client.held["clusters"], "the cluster of b")
        assert client.error is None


def test_an_address_of_nobody_is_waited_for(folder: Folder) -> None:
    """A translator whose watcher never comes stays, and says on its probe why it isn't ready."""
    with Pipeline(folder.root) as pipeline:
        pipeline.start("translator", "xds-server")
        pipeline.listens()

        assert backend_refused(pipeline.http_port)
        assert [role for role in ("translator", "xds-server") if pipeline.programs[role].popen.poll()] == []


def backend_refused(port: int) -> bool:
    """Nobody listens there."""
    try:
        backend_at(port)
    except OSError:
        return True
    return False
