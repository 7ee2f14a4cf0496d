"""`isoline xds-server` as a process, fed over a link by the test, and its clients over real gRPC."""

import asyncio
import queue
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import grpc
from envoy.service.discovery.v3 import discovery_pb2 as xds

from runtime.link.link_publisher import LinkPublisher
from runtime.link.link_replica import LinkReplica
from runtime.link.row import Row
from tests.support.background import Background
from tests.support.deadline import wait_until
from tests.support.program import Program
from tests.support.up import ISOLINE
from tests.xds.harness import URLS

ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService"
DELTA, SOTW = f"{ADS}/DeltaAggregatedResources", f"{ADS}/StreamAggregatedResources"


class Serving:
    """An xDS server at `unix:<folder>/xds`, or at `listen`, whose translator is the test."""

    def __init__(self, background: Background, *flags: str | Path, listen: Iterable[str] = ()) -> None:
        self._background = background
        self._stack = ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="xds-"))  # short: it holds unix sockets
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.address = f"unix:{self.folder}/xds"
        self.listen = tuple(listen) or (self.address,)
        self.flags = flags
        self.resources, self.facts = f"ipc://{self.folder}/translator/link", f"ipc://{self.folder}/facts"
        self._publisher, self._rejections, self._deliveries = background.run(self._link())
        for part in (self._publisher, self._rejections, self._deliveries):
            task = asyncio.run_coroutine_threadsafe(part.run(), background.loop)
            self._stack.callback(task.cancel)
        self.program: Program

    async def _link(self) -> tuple[LinkPublisher, LinkReplica, LinkReplica]:
        """Made inside the loop that they will run on."""
        return (
            LinkPublisher(self.resources, ("resources",)),
            LinkReplica(self.facts, "rejections"),
            LinkReplica(self.facts, "deliveries"),
        )

    def __enter__(self) -> Self:
        self.launch()
        self.probe()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def launch(self) -> None:
        """Starts it and does not wait."""
        words = ["--resources", self.resources, "--publish", self.facts, "--cluster-grace", "0s"]
        words += [word for address in self.listen for word in ("--xds-listen", address)]
        self.program = self._stack.enter_context(Program([ISOLINE, "xds-server", *words, *self.flags]))

    def probe(self) -> None:
        """Waits until it listens."""
        self.until((self.folder / "facts").exists, "the server's link")
        with self.channel(self.listen[0]) as channel:
            self.until(lambda: _connects(channel), "the server listens")

    def files(self) -> set[str]:
        """What the server has made."""
        return {path.name for path in self.folder.iterdir()} - {"translator"}

    def put(self, *tables: Mapping[str, Row], delete: Iterable[str] = ()) -> None:
        """One batch of the translator."""
        puts = {key: row for table in tables for key, row in table.items()}
        self._background.run(self._put(puts, frozenset(delete)))

    async def _put(self, puts: Mapping[str, Row], deletes: frozenset[str]) -> None:
        self._publisher.publish("resources", puts=puts, deletes=deletes, synced=True)

    @property
    def rejections(self) -> set[str]:
        """Keys of the table that the server publishes."""
        return set(dict(self._rejections.rows))

    @property
    def deliveries(self) -> list[bytes]:
        """Bodies of that table."""
        return [row.body for _, row in sorted(dict(self._deliveries.rows).items())]

    def until(self, condition: Any, what: str) -> None:  # noqa: ANN401 - as of wait_until
        """Waits for it while the server runs."""
        wait_until(condition, what, of=[self.program])

    def channel(self, target: str = "", credentials: grpc.ChannelCredentials | None = None) -> grpc.Channel:
        """A connection of its own."""
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
        target = target or self.address
        if credentials is None:
            return grpc.insecure_channel(target, options=options)
        return grpc.secure_channel(target, credentials, options=options)


def _connects(channel: grpc.Channel) -> bool:
    ready = grpc.channel_ready_future(channel)
    try:
        ready.result(0.2)
    except grpc.FutureTimeoutError:
        return False
    finally:
        ready.cancel()  # else its thread would ask a channel that is closed by then
    return True


class Call:
    """One stream: `send` requests, `answer` is the next response. Raises grpc.RpcError."""

    def __init__(self, channel: grpc.Channel, method: str, *, delta: bool) -> None:
        self._delta = delta
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._fresh = True
        response = xds.DeltaDiscoveryResponse if delta else xds.DiscoveryResponse
        stub = channel.stream_stream(method, None, response.FromString)
        self._call = stub(iter(self._requests.get, None), timeout=60.0, wait_for_ready=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._requests.put(None)
        self._call.cancel()

    def ask(self, type_: str, names: Iterable[str] = (), nonce: str = "") -> None:
        """A request, with the node when it is the first one."""
        request: Any
        if self._delta:
            request = xds.DeltaDiscoveryRequest(
                type_url=URLS[type_], resource_names_subscribe=names, response_nonce=nonce
            )
        else:
            request = xds.DiscoveryRequest(type_url=URLS[type_], resource_names=names, response_nonce=nonce)
        if self._fresh:
            request.node.id, request.node.cluster = "client-1", "isoline"
        self._fresh = False
        self.send(request.SerializeToString())

    def send(self, data: bytes) -> None:
        """Any bytes."""
        self._requests.put(data)

    def answer(self) -> Any:  # noqa: ANN401 - one of two messages
        """The next response."""
        return next(self._call)

    def code(self) -> grpc.StatusCode:
        """How the stream ended; waits for that."""
        return self._call.code()


def called(channel: grpc.Channel, method: str, type_: str, names: Iterable[str] = ()) -> bytes:
    """The first response to one request, as bytes."""
    with Call(channel, method, delta="/Delta" in method) as call:
        call.ask(type_, names)
        return bytes(call.answer().SerializeToString())
