"""What an API server may answer instead."""

import asyncio

from aiohttp import web

from tests.watcher.cluster import bodies
from tests.watcher.cluster.api_server import Answer, ApiServer, abort, about, begun, refusal, well


def status(code: int, message: str = "", retry_after: int | None = None) -> Answer:
    async def answer(_server: ApiServer, _request: web.Request) -> web.StreamResponse:
        return refusal(code, message, retry_after)

    return answer


def says(*lines: bytes) -> Answer:
    """A stream of these, which then ends as streams do."""

    async def answer(_server: ApiServer, request: web.Request) -> web.StreamResponse:
        return await begun(request, *lines)

    return answer


def breaks_off_after(*lines: bytes) -> Answer:
    async def answer(_server: ApiServer, request: web.Request) -> web.StreamResponse:
        response = await begun(request, *lines)
        await asyncio.sleep(0.001)  # what was written leaves
        abort(request)
        return response

    return answer


def falls_silent_after(*lines: bytes) -> Answer:
    """And is never ended: half of the connection is gone."""

    async def answer(_server: ApiServer, request: web.Request) -> web.StreamResponse:
        await begun(request, *lines)
        await asyncio.Event().wait()
        raise AssertionError

    return answer


async def hangs(_server: ApiServer, _request: web.Request) -> web.StreamResponse:
    """Not even a status."""
    await asyncio.Event().wait()
    raise AssertionError


async def offers_no_streams(server: ApiServer, request: web.Request) -> web.StreamResponse:
    """As with the feature gate WatchList off."""
    if "sendInitialEvents" in request.query:
        return refusal(422, "sendInitialEvents: Forbidden: is forbidden for watch unless the WatchList is on")
    return await well(server, request)


async def ignores_send_initial_events(server: ApiServer, request: web.Request) -> web.StreamResponse:
    """As before 1.27: all objects, and then nothing says that these are all."""
    if "sendInitialEvents" in request.query:
        listed = map(bodies.added, server.store.listed(*about(request)))
        return await falls_silent_after(*listed)(server, request)
    return await well(server, request)


async def cuts_lists(server: ApiServer, request: web.Request) -> web.StreamResponse:
    """A proxy that ends what goes on before it has passed all objects."""
    if "sendInitialEvents" in request.query:
        return await breaks_off_after(bodies.added(server.store.listed(*about(request))[0]))(server, request)
    return await well(server, request)


async def lists_nothing(server: ApiServer, request: web.Request) -> web.StreamResponse:
    """A cache that has lost its content; its version is good."""
    if "watch" in request.query:
        return await begun(request, bodies.whole(server.store.version))
    return web.Response(body=bodies.page(version=server.store.version))
