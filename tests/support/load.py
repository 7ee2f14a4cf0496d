"""Requests without end through one gateway; every answer is kept."""

import asyncio
import itertools
import json
import time
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.support.background import Background
from tests.support.deadline import wait_until

KINDS = ("http1", "http2", "slow", "flaky", "websocket")

# Between two requests of one client: enough to leave the processor to what is tested.
_PAUSE_SECONDS = 0.03
_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """What one request got: `status` 0 when the connection broke, with the reason in `error`."""

    client: str
    status: int
    backend: str = ""
    error: str = ""


class Load:
    """One client of each kind asks in a loop from `with` to its end; a request under way then is finished.

    `http1` keeps one connection; `http2` is h2 with prior knowledge, four requests at once; `slow` and
    `flaky` ask for paths that tests.support.backend answers late, and with 503 at the first try (which a
    route with a retry policy hides); `websocket` sends a message and waits for its echo (status 200), on a
    new connection every 20 messages. Redirects are not followed.
    """

    def __init__(
        self, background: Background, url: str, host: str, *, kinds: tuple[str, ...] = KINDS, path: str = "/"
    ) -> None:
        self.answers: list[Answer] = []
        self._background = background
        self._url = url
        self._host = host
        self._path = path
        self._kinds = kinds
        self._numbers = itertools.count()
        self._stopping = False
        self._clients: list[asyncio.Task[None]] = []

    def __enter__(self) -> Self:
        self._background.run(self._start())
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping = True
        self._background.run(self._end())

    @property
    def failures(self) -> list[Answer]:
        """Every answer that isn't 200."""
        return [answer for answer in self.answers if answer.status != 200]

    def more(self, count: int = 5) -> None:
        """Waits until each kind of client has been answered `count` times more."""
        start = len(self.answers)

        def answered() -> bool:
            seen = [answer.client for answer in self.answers[start:]]
            return all(seen.count(kind) >= count for kind in self._kinds)

        wait_until(answered, f"{count} more answers to each of {', '.join(self._kinds)}")

    def goes_on(self, *, until: float) -> None:
        """Until this moment of time.monotonic(): waits for answers to each kind of client again and again."""
        while time.monotonic() < until:
            self.more()

    async def _start(self) -> None:
        loops = {"http2": self._http2, "websocket": self._websocket}
        for kind in self._kinds:
            self._clients.append(asyncio.create_task(loops.get(kind, self._http)(kind)))

    async def _end(self) -> None:
        for result in await asyncio.gather(*self._clients, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    def _client(self, *, http2: bool = False) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            http1=not http2, http2=http2, base_url=self._url, timeout=_TIMEOUT_SECONDS, trust_env=False
        )

    async def _http(self, kind: str) -> None:
        suffix = kind if kind in {"slow", "flaky"} else ""
        async with self._client() as client:
            while not self._stopping:
                await self._ask(kind, client, f"{self._path}{suffix}?{next(self._numbers)}")
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _http2(self, kind: str) -> None:
        async with self._client(http2=True) as client:
            while not self._stopping:
                await asyncio.gather(*(self._ask(kind, client, self._path) for _ in range(4)))
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _ask(self, kind: str, client: httpx.AsyncClient, path: str) -> None:
        try:
            response = await client.get(path, headers={"host": self._host})
        except httpx.HTTPError as error:
            self.answers.append(Answer(kind, 0, error=repr(error)))
            return
        self.answers.append(Answer(kind, response.status_code, *_said(response)))

    async def _websocket(self, kind: str) -> None:
        address = urlsplit(self._url)
        while not self._stopping:
            try:
                async with connect(
                    f"ws://{self._host}/ws",
                    host=address.hostname,
                    port=address.port,
                    open_timeout=_TIMEOUT_SECONDS,
                    proxy=None,
                ) as socket:
                    await self._talk(socket)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
                self.answers.append(Answer(kind, 0, error=repr(error)))
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _talk(self, socket: ClientConnection) -> None:
        for number in range(20):
            await socket.send(f"message {number}")
            said = await asyncio.wait_for(socket.recv(decode=True), _TIMEOUT_SECONDS)
            assert said.endswith(f": message {number}")
            self.answers.append(Answer("websocket", 200, said.partition(":")[0]))
            if self._stopping:
                return
            await asyncio.sleep(_PAUSE_SECONDS)


def _said(response: httpx.Response) -> tuple[str, str]:
    """The backend's name and, where something is wrong, the whole answer."""
    try:
        backend = str(json.loads(response.content)["backend"])
    except (ValueError, KeyError, TypeError):
        backend = ""
    return backend, "" if response.status_code == 200 else f"{response.text[:200]} {dict(response.headers)}"
