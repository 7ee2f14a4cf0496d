"""Links over real sockets, on the loop of a test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from runtime.link.link_publisher import LinkPublisher
from runtime.link.link_replica import LinkReplica
from runtime.link.row import Row

# Far above what anything here takes.
DEADLINE_SECONDS = 30.0


@contextlib.asynccontextmanager
async def running(*parts: LinkPublisher | LinkReplica) -> AsyncIterator[None]:
    """Runs the parts, and cancels them at the end; an error of one of them is raised."""
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


async def until(condition: Callable[[], object], what: str) -> None:
    """Waits for a condition, with a deadline."""
    loop = asyncio.get_running_loop()
    end = loop.time() + DEADLINE_SECONDS
    while not condition():
        assert loop.time() < end, f"not within {DEADLINE_SECONDS:g} s: {what}"
        await asyncio.sleep(0.005)


def synced(replica: LinkReplica) -> bool:
    """Whether the source has said once that it has all there is, and that is here."""
    return bool(replica.status()["synced"])


async def holds(replica: LinkReplica, **rows: str) -> None:
    """Waits until the replica is complete and holds these rows and no other."""
    meant = {key: Row.of(body.encode()) for key, body in rows.items()}
    await until(lambda: synced(replica) and replica.rows == meant, f"{meant} held, not {dict(replica.rows)}")


def table(**rows: str) -> dict[str, Row]:
    return {key: Row.of(body.encode()) for key, body in rows.items()}


def ipc(folder: Path, name: str = "objects") -> str:
    return f"ipc://{folder}/link/{name}"
