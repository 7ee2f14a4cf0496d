"""An API server of which a test says what it does, over real sockets."""

import asyncio
import ssl
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Self

import orjson
from aiohttp import web

from tests.support.port import free_port
from tests.watcher.cluster import bodies
from tests.watcher.cluster.store import ExpiredError, Store
from watcher.cluster.source import RESOURCES

KINDS = {resource: kind for kind, resource in RESOURCES.items()}


class ApiServer:
    """Answers as `store` is, unless `will` or `mood` has something else for a resource (`services`).

    `asked` are the queries so far, by resource; with a `token`, whoever has another is told so.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.store = Store()
        self.asked: defaultdict[str, list[Mapping[str, str]]] = defaultdict(list)
        self.mood: dict[str, Answer] = {}
        self.token = ""
        self.refused = 0
        """Requests with another token."""
        self.port = free_port()
        self._will: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self._tls = tls
        self._news = asyncio.Condition()
        self._open: list[web.Request] = []
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"

    def will(self, resource: str, *answers: "Answer") -> None:
        """The next requests get these."""
        self._will[resource].extend(answers)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        """For the first time or again; with another certificate, if one is given."""
        self._tls = tls or self._tls
        app = web.Application()
        app.router.add_get("/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.0, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._tls, reuse_address=True)
        await site.start()

    async def stop(self) -> None:
        """Every connection breaks off."""
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def cut(self) -> None:
        """Every answer that goes on breaks off."""
        for request in self._open:
            abort(request)

    async def put(self, *objects: bodies.Body) -> None:
        for each in objects:
            self.store.put(each)
        await self._tell()

    async def delete(self, *refs: str) -> None:
        for each in refs:
            self.store.delete(each)
        await self._tell()

    async def was_asked(self, resource: str, times: int) -> None:
        """Waits until it has been, so many times from now on."""
        wanted = len(self.asked[resource]) + times
        async with self._news:
            await self._news.wait_for(lambda: len(self.asked[resource]) >= wanted)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        resource = request.path.rpartition("/")[2]
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            self.refused += 1
            return refusal(401, "Unauthorized")
        self.asked[resource].append(dict(request.query))
        await self._tell()
        answer = self._will[resource].popleft() if self._will[resource] else self.mood.get(resource, well)
        self._open.append(request)
        try:
            return await answer(self, request)
        finally:
            self._open.remove(request)

    async def listed(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        try:
            found = self.store.page(*about(request), int(query.get("limit", 0)), query.get("continue", ""))
        except ExpiredError:
            return refusal(410, "the token is too old")
        version, items, token = found
        return web.Response(body=bodies.page(*items, version=version, token=token))

    async def stream(self, request: web.Request, *first: bytes) -> web.StreamResponse:
        """A list, when one is asked for, and the watch after it, for as long as the request says."""
        response = await begun(request, *first)
        position = int(request.query.get("resourceVersion", self.store.version))
        if "sendInitialEvents" in request.query:
            await response.write(b"".join(map(bodies.added, self.store.listed(*about(request)))))
            await response.write(bodies.whole(position))
        try:
            async with asyncio.timeout(int(request.query["timeoutSeconds"])), self._news:
                while True:
                    for type_, object_ in self.store.since(position, *about(request)):
                        await response.write(bodies.line(type_, object_))
                    position = self.store.version
                    await self._news.wait()
        except TimeoutError:
            return response
        except ExpiredError:
            await response.write(bodies.error(410, "too old resource version"))
            return response


Answer = Callable[[ApiServer, web.Request], Awaitable[web.StreamResponse]]


async def well(server: ApiServer, request: web.Request) -> web.StreamResponse:
    """As an API server answers."""
    return await (server.stream(request) if "watch" in request.query else server.listed(request))


def refusal(code: int, message: str, retry_after: int | None = None) -> web.Response:
    """A Status."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    status = {"kind": "Status", "status": "Failure", "code": code, "message": message}
    return web.Response(status=code, body=orjson.dumps(status), headers=headers)


async def begun(request: web.Request, *lines: bytes) -> web.StreamResponse:
    """A stream of status 200 that has said these."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for each in lines:
        await response.write(each)
    return response


def abort(request: web.Request) -> None:
    """Its connection is gone, in the middle of whatever is said."""
    if request.transport is not None:
        request.transport.abort()


def about(request: web.Request) -> tuple[str, str]:
    """Kind and selector."""
    return KINDS[request.path.rpartition("/")[2]], request.query.get("fieldSelector", "")
