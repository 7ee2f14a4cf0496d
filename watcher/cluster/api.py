"""The edge to an API server: requests, and answers as bytes."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Self

import aiohttp
import orjson

from runtime.start_error import StartError
from watcher.cluster import proxy
from watcher.cluster.access import Access, Credentials
from watcher.cluster.access_error import AccessError
from watcher.cluster.answer import Answer, UnreachableError

CONNECT_SECONDS = 10.0
# Until the head of an answer is there; API servers end what takes longer than a minute themselves.
HEAD_SECONDS = 65.0
UNAUTHORIZED = 401
# A peer that vanished is found out in half a minute: a first probe after 15 s of silence, three more.
KEEPALIVE = {socket.TCP_KEEPIDLE: 15, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}
USER_TIMEOUT_MILLISECONDS = 30_000
NOTHING: Mapping[str, str] = {}


class Stream:
    """An answer whose body comes in pieces."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises UnreachableError when it breaks off."""
        with _mapped():
            async for piece in self._response.content.iter_any():
                yield piece

    async def whole(self) -> Answer:
        """All of it. Raises UnreachableError when it breaks off."""
        with _mapped():
            body = await self._response.read()
        return Answer(self.status, body, _seconds(self._response.headers.get("Retry-After")))


class Api:
    """Requests to one API server, while it is entered; what is asked before that waits. To be made inside the
    loop. Entering it raises StartError when it is not even known how the server is reached.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._session: aiohttp.ClientSession | None = None
        self._entered = asyncio.Event()

    @property
    def namespace(self) -> str:
        """Ours."""
        return self._access.namespace

    async def __aenter__(self) -> Self:
        try:
            await self._access.credentials()
        except AccessError as error:
            raise StartError(f"{self._access.origin}: {error}") from error
        except asyncio.CancelledError:
            await self._access.close()
            raise
        # No limit: each watch has a connection of its own, and a write must not wait for one.
        connector = aiohttp.TCPConnector(limit=0, socket_factory=_socket)
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            auto_decompress=True,
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "isoline"},
        )
        self._entered.set()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._access.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def run(self) -> None:
        """Is entered until cancelled."""
        async with self:
            await asyncio.Event().wait()

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = NOTHING,
        body: object = None,
        content_type: str = "application/json",
        seconds: float = 10.0,
    ) -> Answer:
        """The whole answer to one request, whatever its status. Raises UnreachableError, also when there is
        none after so many seconds.
        """
        data = None if body is None else orjson.dumps(body)
        try:
            async with (
                asyncio.timeout(seconds),
                self.open(path, query, method=method, data=data, content_type=content_type) as stream,
            ):
                return await stream.whole()
        except TimeoutError:
            raise UnreachableError(f"no answer within {seconds:g} s") from None

    @asynccontextmanager
    async def open(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        method: str = "GET",
        data: bytes | None = None,
        content_type: str | None = None,
    ) -> AsyncIterator[Stream]:
        """The answer to one request as soon as its head is there. Raises UnreachableError.

        After a 401 all that we are known by is read anew, unless it is fresh, and the request is made again,
        once. The last 401 is no answer: nobody is told anything, whatever was asked.
        """
        headers = {} if data is None or content_type is None else {"Content-Type": content_type}
        head = partial(self._head, method, path, params=query, data=data, headers=headers)
        ours = await self._credentials()
        response = await head(ours)
        if response.status == UNAUTHORIZED and self._access.refused(ours):
            response.close()
            response = await head(await self._credentials())
        if response.status == UNAUTHORIZED:
            response.close()
            raise UnreachableError(
                "401 Unauthorized: the API server does not take our credentials; have they expired?"
            )
        try:
            yield Stream(response)
        finally:
            response.close()  # not released: what is left of a watch is never read

    async def _credentials(self) -> Credentials:
        await self._entered.wait()
        try:
            return await self._access.credentials()
        except AccessError as error:
            raise UnreachableError(str(error)) from error

    async def _head(
        self,
        method: str,
        path: str,
        ours: Credentials,
        *,
        headers: Mapping[str, str],
        **sent: Any,  # noqa: ANN401 - params and data
    ) -> aiohttp.ClientResponse:
        assert self._session is not None  # noqa: S101 - whoever asks ends before it is left
        try:
            with _mapped():
                async with asyncio.timeout(HEAD_SECONDS):
                    return await self._session.request(
                        method,
                        ours.server + path,
                        headers={**ours.headers, **headers},
                        ssl=ours.tls if ours.tls is not None else True,
                        server_hostname=ours.tls_name,
                        proxy=ours.proxy or proxy.of_environment(ours.server),
                        allow_redirects=False,
                        **sent,
                    )
        except UnreachableError:
            self._access.unreached(ours)
            raise


class _mapped:  # noqa: N801 - a context manager
    """Foreign exceptions of a connection, as UnreachableError."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, aiohttp.ClientPayloadError):
            raise UnreachableError("the answer broke off") from error
        # A ValueError: what the kubeconfig says makes no request.
        if isinstance(error, TimeoutError | aiohttp.ClientError | OSError | ValueError):
            raise UnreachableError(_said(error) or f"no answer within {HEAD_SECONDS:g} s") from error


def _said(error: BaseException) -> str:
    """In one line; of a connection that failed, where to and why alone. A URL is never told: that of a proxy
    may hold a password.
    """
    text = str(error)
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        text = "the URL of the server, or of its proxy, is none that can be asked"
    elif isinstance(error, aiohttp.ClientHttpProxyError):
        text = f"the proxy answers {error.status} {error.message}"
    elif isinstance(error, aiohttp.ClientConnectorCertificateError):
        text = f"{error.host}:{error.port}: {error.certificate_error}"
    elif isinstance(error, aiohttp.ClientConnectorError):
        number = error.errno or 0  # asyncio's text says the address once more
        why = os.strerror(number) if number > 0 else error.strerror or error.os_error
        text = f"{error.host}:{error.port}: {why}"
    return " ".join(text.split())


def _socket(address: Any) -> socket.socket:  # noqa: ANN401 - aiohttp's AddrInfoType
    """One that notices when its peer is gone without a word."""
    family, type_, protocol, *_ = address
    made = socket.socket(family, type_, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE.items():
        made.setsockopt(socket.IPPROTO_TCP, option, value)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MILLISECONDS)
    return made


def _seconds(header: str | None) -> float | None:
    """Of a Retry-After; its other form, a date, is not one that API servers use."""
    return float(header) if header is not None and header.isascii() and header.isdigit() else None
