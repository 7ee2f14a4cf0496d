"""One address before several servers, as a Service or a name with several addresses is."""

import asyncio
import contextlib
import itertools
from collections.abc import Sequence

from tests.support.background import Background

Address = tuple[str, int]


class Front:
    """Forwards each connection at `address` to a server that accepts it, in turn."""

    def __init__(self, background: Background, address: Address, servers: Sequence[Address]) -> None:
        self._background = background
        self._address = address
        self._turns = itertools.cycle([[*servers[at:], *servers[:at]] for at in range(len(servers))])
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = background.run(self._start())

    def close(self) -> None:
        """Ends it and every connection."""
        self._background.run(self._stop())

    async def _start(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, *self._address)

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            for server in next(self._turns):
                with contextlib.suppress(OSError):
                    from_server, to_server = await asyncio.open_connection(*server)
                    await self._join((reader, to_server), (from_server, writer))
                    break
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _join(self, *ways: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        """Until either side ends: then the other one is told."""
        tasks = [asyncio.create_task(_pump(*way)) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for _, writer in ways:
                writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
