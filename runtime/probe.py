"""What a process tells about itself over HTTP: health, readiness, metrics, its state and a profile."""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson
import prometheus_client
from aiohttp import web
from pyinstrument import Profiler

from runtime.loopback import is_loopback
from runtime.owned import remove_socket
from runtime.start_error import StartError

MAX_PROFILE_SECONDS = 60.0


class Probe:
    """`/healthz`, `/readyz` and `/metrics` on `probe`; `/debug/status` and `/debug/profile` on `debug`.

    Both addresses are `host:port` or `unix:PATH`, None for none. `debug` is loopback or unix only, since
    the state of a process names every host it serves. `ready` gives None when ready, else the reason in
    words. Liveness (`/healthz`) depends on nothing upstream: a process that has lost its source keeps
    serving what it has.
    """

    def __init__(
        self,
        *,
        probe: str | None,
        debug: str | None,
        ready: Callable[[], str | None],
        status: Callable[[], Mapping[str, Any]],
    ) -> None:
        host = "" if debug is None else debug.rpartition(":")[0].strip("[]")
        if debug is not None and not debug.startswith("unix:") and not is_loopback(host):
            raise StartError(
                f"--debug {debug}: only a loopback address or unix:PATH, for it shows the whole state"
            )
        self._probe = probe
        self._debug = debug
        self._ready = ready
        self._status = status

    async def run(self) -> None:
        """Serves until cancelled. Raises StartError when an address cannot be bound."""
        async with AsyncExitStack() as stack:
            if self._probe is not None:
                await _serve(stack, "--probe", self._probe, self._probe_routes())
            if self._debug is not None:
                await _serve(stack, "--debug", self._debug, self._debug_routes())
            await asyncio.Event().wait()

    def _probe_routes(self) -> list[web.RouteDef]:
        return [
            web.get("/healthz", self._healthz),
            web.get("/readyz", self._readyz),
            web.get("/metrics", self._metrics),
        ]

    def _debug_routes(self) -> list[web.RouteDef]:
        return [web.get("/debug/status", self._debug_status), web.get("/debug/profile", self._debug_profile)]

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        reason = self._ready()
        return web.Response(text="ok\n") if reason is None else web.Response(status=503, text=f"{reason}\n")

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=prometheus_client.generate_latest(),
            headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST},
        )

    async def _debug_status(self, _request: web.Request) -> web.Response:
        body = orjson.dumps(self._status(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS, default=str)
        return web.Response(body=body, content_type="application/json")

    async def _debug_profile(self, request: web.Request) -> web.Response:
        try:
            seconds = float(request.query.get("seconds", "5"))
        except ValueError:
            seconds = -1.0
        if not 0 < seconds <= MAX_PROFILE_SECONDS:
            return web.Response(status=400, text=f"seconds: a number up to {MAX_PROFILE_SECONDS:g}\n")
        profiler = Profiler(async_mode="disabled")  # the whole loop, whichever task runs
        try:
            profiler.start(caller_frame=None)
        except RuntimeError:
            return web.Response(status=409, text="a profile is being taken\n")
        try:
            await asyncio.sleep(seconds)
        finally:
            profiler.stop()
        return web.Response(text=profiler.output_text(show_all=True))


async def _serve(stack: AsyncExitStack, flag: str, address: str, routes: list[web.RouteDef]) -> None:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site: web.BaseSite
    if address.startswith("unix:"):
        path = Path(address.removeprefix("unix:"))
        site = web.SockSite(runner, _private_socket(flag, path))
        stack.callback(remove_socket, path)
    else:
        host, _, port = address.rpartition(":")
        if not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
            raise StartError(f"{flag} {address}: expected host:port or unix:PATH")
        site = web.TCPSite(runner, host.strip("[]") or None, int(port))
    try:
        await site.start()
    except OSError as error:
        raise StartError(f"{flag} {address}: {error.strerror or error}") from error


def _private_socket(flag: str, path: Path) -> socket.socket:
    """A socket for its owner alone, from the first moment; in the place of a killed process's."""
    bound = socket.socket(socket.AF_UNIX)
    umask = os.umask(0o177)  # of the whole process, so nothing may be awaited here
    try:
        remove_socket(path)
        bound.bind(str(path))
    except OSError as error:
        bound.close()
        raise StartError(f"{flag} unix:{path}: {error.strerror or error}") from error
    finally:
        os.umask(umask)
    return bound
