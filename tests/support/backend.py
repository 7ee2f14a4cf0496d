"""Example backends: they say who they are and what reached them, over HTTP/1.1, h2c and WebSocket."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import Iterator
from typing import Self
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
import h11
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tests.support.background import Background

Headers = dict[str, str]

SLOW_SECONDS = 0.25


class Backend:
    """A server with a name at `address`, listening as long as the `with` block lasts.

    It answers every request with JSON `{"backend", "method", "host", "path", "protocol", "headers"}`. A path
    that ends in `slow` is answered after SLOW_SECONDS, one that ends in `flaky` with 503 at the first try of
    its query (`/flaky?7`), one that ends in `status/N` with N. WebSocket messages come back with the name
    before them. With `h2c=True` it speaks HTTP/2 without TLS instead, with `tls` either of them over TLS.
    """

    def __init__(
        self,
        background: Background,
        name: str,
        *,
        h2c: bool = False,
        tls: ssl.SSLContext | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        self.name = name
        self.port = 0
        self.requests = 0
        self._background = background
        self._h2c = h2c
        self._tls = tls
        self.address = address
        self._tried: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._background.run(self._start())
        return self

    def __exit__(self, *_error: object) -> None:
        self._background.run(self._stop())

    async def _start(self) -> None:
        serve = self._serve_http2 if self._h2c else self._serve_http1
        self._server = await asyncio.start_server(serve, self.address, self.port, backlog=1024, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self, method: str, path: str, protocol: str, headers: Headers) -> tuple[int, bytes]:
        self.requests += 1
        url = urlsplit(path)
        status = 200
        if url.path.endswith("slow"):
            await asyncio.sleep(SLOW_SECONDS)
        elif url.path.endswith("flaky") and url.query not in self._tried:
            self._tried.add(url.query)
            status = 503
        elif "/status/" in url.path:
            status = int(url.path.rpartition("/")[2])
        host = headers.get("host") or headers.get(":authority", "")
        said = {"backend": self.name, "method": method, "host": host, "path": path, "protocol": protocol}
        return status, json.dumps({**said, "headers": headers}).encode()

    async def _serve_http1(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with self._registered(writer), contextlib.suppress(ConnectionError, h11.RemoteProtocolError):
            connection = h11.Connection(h11.SERVER)
            while (event := await _next_event(connection, reader)) is not None:
                if isinstance(event, h11.Request):
                    request = event
                elif isinstance(event, h11.EndOfMessage):
                    headers = {name.decode(): value.decode() for name, value in request.headers}
                    if headers.get("upgrade", "").lower() == "websocket":
                        return await self._serve_websocket(request, headers, reader, writer)
                    status, body = await self._answer(
                        request.method.decode(), request.target.decode(), "HTTP/1.1", headers
                    )
                    writer.write(_http1_response(connection, status, body))
                    await writer.drain()
                    connection.start_next_cycle()
        return None

    async def _serve_websocket(
        self,
        request: h11.Request,
        headers: Headers,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        protocol = ServerProtocol()
        lines = [b"GET " + request.target + b" HTTP/1.1"]
        lines += [f"{name}: {value}".encode() for name, value in headers.items()]
        protocol.receive_data(b"\r\n".join([*lines, b"", b""]))
        opened = False
        while True:
            for event in protocol.events_received():
                if isinstance(event, Request):
                    protocol.send_response(protocol.accept(event))
                    opened = True
                elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    protocol.send_text(self.name.encode() + b": " + event.data)
            for data in protocol.data_to_send():
                if data:
                    writer.write(data)
            await writer.drain()
            if not opened or protocol.close_expected() or not (data := await reader.read(65536)):
                break
            protocol.receive_data(data)

    async def _serve_http2(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        answers: set[asyncio.Task[None]] = set()
        with self._registered(writer), contextlib.suppress(ConnectionError):
            writer.write(connection.data_to_send())
            while data := await reader.read(65536):
                for event in connection.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        answers.add(asyncio.create_task(self._answer_http2(connection, writer, event)))
                    elif isinstance(event, h2.events.DataReceived):
                        connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                writer.write(connection.data_to_send())
                await writer.drain()
            await asyncio.gather(*answers, return_exceptions=True)

    async def _answer_http2(
        self,
        connection: h2.connection.H2Connection,
        writer: asyncio.StreamWriter,
        event: h2.events.RequestReceived,
    ) -> None:
        headers = {_text(name): _text(value) for name, value in event.headers}
        status, body = await self._answer(headers[":method"], headers[":path"], "HTTP/2", headers)
        sent = [(":status", str(status)), ("content-length", str(len(body))), ("x-backend", self.name)]
        connection.send_headers(event.stream_id, sent)
        connection.send_data(event.stream_id, body, end_stream=True)
        writer.write(connection.data_to_send())

    @contextlib.contextmanager
    def _registered(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        """Its connection is closed at the end, and when it is cancelled by `_stop`: on one that stayed open
        an Envoy would go on to send requests, and wait 15 s for each answer.
        """
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            yield
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.close()


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


async def _next_event(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Event | None:
    """The next event, or None at the end of the connection."""
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(65536))
    if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
        return None
    assert not isinstance(event, type)
    return event


def _http1_response(connection: h11.Connection, status: int, body: bytes) -> bytes:
    headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
    parts = [
        connection.send(h11.Response(status_code=status, headers=headers)),
        connection.send(h11.Data(data=body)),
        connection.send(h11.EndOfMessage()),
    ]
    return b"".join(part for part in parts if part)
