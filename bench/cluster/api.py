"""Writes to the API server, many at once over connections that are kept."""

import asyncio
import itertools
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Self, TypeVar

import aiohttp

from bench.cluster import host

T = TypeVar("T")

# Enough to keep two cores busy, and below the server's own limit (200, --max-mutating-requests-inflight).
AT_ONCE = 32


class Api:
    """The admin's requests. `marks` are those that no object has had yet."""

    def __init__(self, url: str, tls: ssl.SSLContext, token: str) -> None:
        self.marks = itertools.count(host.FIRST_MARK + 1)
        self._session = aiohttp.ClientSession(
            url,
            connector=aiohttp.TCPConnector(ssl=tls, limit=2 * AT_ONCE),
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._session.close()

    async def create(self, wanted: host.Object) -> None:
        await self._ask("POST", host.root(wanted["kind"]), wanted, "application/json")

    async def patch(self, kind: str, number: int, mark: int) -> float:
        """Patches the object of that kind to show the mark; when the whole answer was there, in
        time.monotonic().
        """
        path = f"{host.root(kind)}/{host.name(number)}"
        return await self._ask("PATCH", path, host.patch(kind, number, mark), "application/merge-patch+json")

    async def _ask(self, method: str, path: str, body: host.Object, content_type: str) -> float:
        data, headers = json.dumps(body).encode(), {"Content-Type": content_type}
        async with self._session.request(method, path, data=data, headers=headers) as response:
            answer = await response.read()
            came = time.monotonic()
        assert response.ok, f"{method} {path}: {response.status} {answer.decode()[:300]}"
        return came


async def all_at_once(do: Callable[[T], Awaitable[None]], items: Iterable[T]) -> None:
    """Does it with each item, begun in order, so many at once."""
    left = iter(items)

    async def work() -> None:
        for item in left:
            await do(item)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(work())
