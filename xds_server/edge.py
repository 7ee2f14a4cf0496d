"""The gRPC edge: bytes of requests in, bytes of responses out, one reader and one writer a stream."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

import grpc
import grpc.aio
import prometheus_client
import structlog

from xds_server.host import Method, PeerError
from xds_server.listen import Listener, bound
from xds_server.resource_type import AGGREGATED, ORDER
from xds_server.server import Server
from xds_server.stream import Stream

log = structlog.get_logger()

# A reconnecting Envoy names each of its 10,000 hosts with its version: some MB.
MAX_REQUEST_BYTES = 64 * 1024 * 1024
# Streams that are woken before others have their turn: a thousand at once are 100 ms without a heartbeat.
WAKE = 50
# A peer that has closed its side gets what is due now; without a whole table it waits this long for one.
CLOSED_SECONDS = 5.0
# Deadlines are met no sooner than this, whatever a clock says.
SHORTEST_SECONDS = 0.001
# What Envoys are still told when the process is asked to end.
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
        self._wakes: dict[Stream, asyncio.Event] = {}
        self._waking: asyncio.Task[None] | None = None
        self._again = False
        self._mistake: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(
        self,
        listeners: Sequence[Listener],
        secured: grpc.ServerCredentials | None,
        happened: Callable[[], None],
    ) -> None:
        """Serves until cancelled. `happened` is called when there may be something to publish or to log.

        A mistake of ours in one stream is raised here: gRPC would log it, and let the peer try for ever.
        """
        server = grpc.aio.server(options=OPTIONS)
        server.add_generic_rpc_handlers(self._services(happened))
        with bound(server, listeners, secured):
            await server.start()
            try:
                await self._mistake
            finally:
                await server.stop(STOP_SECONDS)

    def wake(self) -> None:
        """The table has changed: every stream looks at it, some at a time."""
        self._again = True
        if self._waking is None or self._waking.done():
            self._waking = asyncio.get_running_loop().create_task(self._wake_all())

    async def _wake_all(self) -> None:
        while self._again:
            self._again = False
            for number, event in enumerate(list(self._wakes.values()), 1):
                event.set()
                if number % WAKE == 0:
                    await asyncio.sleep(0)

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
        event, closed = asyncio.Event(), asyncio.Event()
        self._wakes[stream] = event
        STREAMS.inc()
        reader = asyncio.create_task(self._read(stream, event, closed, requests), name="xds reader")
        writer = asyncio.create_task(self._write(stream, event, closed, context, happened), name="xds writer")
        try:
            await asyncio.wait([reader, writer], return_when=asyncio.FIRST_COMPLETED)
            if closed.is_set():
                await asyncio.wait([writer], timeout=CLOSED_SECONDS)
            for task in (reader, writer):
                if task.done():
                    task.result()
        except PeerError as error:
            log.warning("stream refused", peer=stream.peer, node=stream.node.id, reason=str(error))
            await _end(writer)
            await context.abort(grpc.StatusCode[error.code], str(error))
        except grpc.aio.BaseError as error:  # the connection is gone
            log.info("stream lost", peer=stream.peer, node=stream.node.id, reason=str(error))
        except Exception as error:
            if not self._mistake.done():
                self._mistake.set_exception(error)
            raise
        finally:
            await _end(reader)
            await _end(writer)
            del self._wakes[stream]
            STREAMS.dec()
            self._core.close(stream, self._clock())
            happened()

    async def _read(
        self,
        stream: Stream,
        event: asyncio.Event,
        closed: asyncio.Event,
        requests: AsyncIterator[bytes],
    ) -> None:
        async for data in requests:
            self._core.receive(stream, data)
            event.set()
        # A peer that has nothing more to say may still listen: it gets what there is now.
        closed.set()
        event.set()

    async def _write(
        self,
        stream: Stream,
        event: asyncio.Event,
        closed: asyncio.Event,
        context: grpc.aio.ServicerContext,
        happened: Callable[[], None],
    ) -> None:
        """Only this task writes, one response at a time, each pulled when the last is on its way."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle | None = None
        try:
            while True:
                await event.wait()
                event.clear()
                while (data := self._core.pull(stream, self._clock())) is not None:
                    RESPONSES.inc()
                    BYTES.inc(len(data))
                    await context.write(data)
                happened()
                if closed.is_set() and self._core.table.synced:
                    return
                if timer is not None:
                    timer.cancel()
                if (deadline := stream.deadline) is not None:
                    timer = loop.call_later(max(deadline - self._clock(), SHORTEST_SECONDS), event.set)
        finally:
            if timer is not None:
                timer.cancel()


async def _end(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task


def _is_secure(context: grpc.aio.ServicerContext) -> bool:
    """Whether private keys may travel on the connection: a unix socket of ours, or mutual TLS.

    gRPC names a security type for each connection: `ssl`, or `insecure` for one in clear.
    """
    security = context.auth_context().get("transport_security_type", ())
    return context.peer().startswith("unix:") or b"ssl" in security
