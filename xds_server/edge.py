"""The gRPC edge: bytes of requests in, bytes of responses out, one reader and one writer a stream."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

import grpc
import grpc.aio
import prometheus_client
import structlog

from xds_server.listen import Bind, bound
from xds_server.resource_type import AGGREGATED, ORDER
from xds_server.server import Server
from xds_server.service import Method, PeerError
from xds_server.stream import Stream

log = structlog.get_logger()

# A reconnecting Envoy names each of its 10,000 hosts with its version: some MB.
MAX_REQUEST_BYTES = 64 * 1024 * 1024
# Streams that are woken before others have their turn: a thousand at once are 100 ms without a heartbeat.
WAKE = 50
# A peer that has closed its side is sent what is due, if it reads that within this time.
CLOSED_SECONDS = 5.0
# Deadlines are met no sooner than this, whatever a clock says.
SHORTEST_SECONDS = 0.001
# Streams have this long to end when the process does.
STOP_SECONDS = 1.0
OPTIONS = [
    ("grpc.so_reuseport", 0),  # a port in use is an error
    ("grpc.http2.bdp_probe", 0),  # else each acknowledgement is answered with a PING
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", -1),
    # Envoy pings every 30 s; a peer that is gone without a word is noticed in as long (O11).
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
]

STREAMS = prometheus_client.Gauge("isoline_xds_streams", "Streams that are open.")
RESPONSES = prometheus_client.Counter("isoline_xds_responses", "Responses sent.")
BYTES = prometheus_client.Counter("isoline_xds_response_bytes", "Bytes of responses sent.")


class Edge:
    """Serves streams from the core. `clock` is that of the core's `now`."""

    def __init__(self, core: Server, clock: Callable[[], float]) -> None:
        self._core = core
        self._clock = clock
        self._lives: dict[Stream, _Life] = {}
        self._synced = asyncio.Event()
        self._asleep: list[_Life] = []  # those that are to be woken
        self._stopping = False
        self._mistake: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(
        self,
        binds: Sequence[Bind],
        secured: grpc.ServerCredentials | None,
        happened: Callable[[], None],
    ) -> None:
        """Serves until cancelled. `happened` is called when there may be something to publish or to log.

        A mistake of ours in one stream is raised here: gRPC would log it, and let the peer try for ever.
        """
        server = grpc.aio.server(options=OPTIONS)
        server.add_generic_rpc_handlers(self._services(happened))
        with bound(server, binds, secured):
            await server.start()
            try:
                await self._mistake
            finally:
                self._stopping = True
                for life in self._lives.values():
                    life.end(orderly=True)
                await server.stop(STOP_SECONDS)

    def wake(self) -> None:
        """The table has changed: every stream looks at it, some at a time."""
        self._synced.set()
        idle = not self._asleep
        # Those whose turn it was stay first: else the last would never have one while changes keep coming.
        self._asleep = list(dict.fromkeys([*self._asleep, *self._lives.values()]))
        if idle:
            self._wake_some()

    def _wake_some(self) -> None:
        for life in self._asleep[:WAKE]:
            life.woken.set()
        del self._asleep[:WAKE]
        if self._asleep:
            asyncio.get_running_loop().call_soon(self._wake_some)

    def _services(self, happened: Callable[[], None]) -> list[grpc.GenericRpcHandler]:
        aggregated = {
            "DeltaAggregatedResources": Method(delta=True),
            "StreamAggregatedResources": Method(delta=False),
        }
        services = {AGGREGATED: aggregated}
        for type_ in ORDER:
            methods = services.setdefault(type_.service, {})
            methods[type_.delta_method] = Method(delta=True, type_=type_)
            if type_.sotw_method is not None:
                methods[type_.sotw_method] = Method(delta=False, type_=type_)
        return [
            grpc.method_handlers_generic_handler(
                service,
                {
                    name: grpc.stream_stream_rpc_method_handler(partial(self._serve, method, happened))
                    for name, method in methods.items()
                },
            )
            for service, methods in services.items()
        ]

    async def _serve(
        self,
        method: Method,
        happened: Callable[[], None],
        requests: AsyncIterator[bytes],
        context: grpc.aio.ServicerContext,
    ) -> None:
        """One stream: a task reads its requests, a task writes its responses."""
        stream = self._core.open(method, peer=context.peer(), secure=_is_secure(context), now=self._clock())
        life = self._lives[stream] = _Life()
        STREAMS.inc()
        reader = asyncio.create_task(self._read(stream, life, requests), name="xds reader")
        writer = asyncio.create_task(self._write(stream, life, context, happened), name="xds writer")
        try:
            await asyncio.wait([reader, writer], return_when=asyncio.FIRST_COMPLETED)
            # A write that is under way is never cancelled: gRPC could not end the stream after that.
            life.end(orderly=_first_error(reader) is None)
            await asyncio.wait([writer], timeout=CLOSED_SECONDS)
            error = _first_error(reader, writer)
            if isinstance(error, PeerError):
                log.warning("stream refused", peer=stream.peer, node=stream.node.id, reason=str(error))
                await context.abort(grpc.StatusCode[error.code], str(error))
            elif isinstance(error, grpc.aio.BaseError):  # the connection is gone
                log.info("stream lost", peer=stream.peer, node=stream.node.id, reason=str(error))
            elif error is not None:
                self._fail(error)
            elif self._stopping:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "this xDS server stops")
        finally:
            for task in (reader, writer):
                task.cancel()
            del self._lives[stream]
            STREAMS.dec()
            self._core.close(stream, self._clock())
            happened()

    def _fail(self, error: BaseException) -> None:
        if not self._mistake.done():
            self._mistake.set_exception(error)

    async def _read(self, stream: Stream, life: "_Life", requests: AsyncIterator[bytes]) -> None:
        """What a peer says it has is judged by a whole table: until there is one, nothing is read."""
        if not self._core.table.synced:
            await self._synced.wait()
        async for data in requests:
            self._core.receive(stream, data)
            life.woken.set()

    async def _write(
        self,
        stream: Stream,
        life: "_Life",
        context: grpc.aio.ServicerContext,
        happened: Callable[[], None],
    ) -> None:
        """Only this task writes, one response at a time, each pulled when the last is on its way."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle | None = None
        try:
            while not life.ended:
                await life.woken.wait()
                life.woken.clear()
                while not life.refused and (data := self._core.pull(stream, self._clock())) is not None:
                    RESPONSES.inc()
                    BYTES.inc(len(data))
                    await context.write(data)
                happened()
                if timer is not None:
                    timer.cancel()
                if (deadline := stream.deadline) is not None:
                    wait = max(deadline - self._clock(), SHORTEST_SECONDS)
                    timer = loop.call_later(wait, life.woken.set)
        finally:
            if timer is not None:
                timer.cancel()


class _Life:
    """What the two tasks of a stream tell each other: that there may be something to write, that no request
    will come any more, and that nothing more is to be written (`refused`).
    """

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self.ended = False
        self.refused = False

    def end(self, *, orderly: bool) -> None:
        """A peer that has nothing more to say may still listen: when it is `orderly`, it gets what is due."""
        self.ended, self.refused = True, not orderly
        self.woken.set()


def _first_error(*tasks: asyncio.Task[None]) -> BaseException | None:
    """A mistake of ours before one of the peer's, and that before a connection that is gone."""
    ended = [task for task in tasks if task.done() and not task.cancelled()]
    errors = [error for task in ended if (error := task.exception()) is not None]
    return min(errors, key=_rank, default=None)


def _rank(error: BaseException) -> int:
    return 2 if isinstance(error, grpc.aio.BaseError) else 1 if isinstance(error, PeerError) else 0


def _is_secure(context: grpc.aio.ServicerContext) -> bool:
    """Whether private keys may travel on the connection: a unix socket of ours, or mutual TLS.

    gRPC names a security type for each connection: `ssl`, or `insecure` for one in clear.
    """
    security = context.auth_context().get("transport_security_type", ())
    return context.peer().startswith("unix:") or b"ssl" in security
