"""Tasks with one lifetime: the first part to end stops the rest.

After the workgroup of the talk "How Heptio Built Contour": a process is a handful of parts that only make
sense together, so none of them may quietly be missing.
"""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import structlog

from runtime.start_error import StartError

log = structlog.get_logger()

# All parts together have this long to stop: `isoline up` promises that all has ended within 10 s.
STOP_SECONDS = 5.0


class PartFailedError(Exception):
    """A part ended by an exception, which is this one's cause."""

    def __init__(self, name: str, error: BaseException) -> None:
        super().__init__(f"{name} failed: {str(error) or type(error).__name__}")
        self.part = name


class Workgroup:
    """Parts that start together; the first to end, or `stop`, ends all of them, the last added first."""

    def __init__(self) -> None:
        self._parts: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._stop = asyncio.Event()

    def add(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        """Adds a part before `run`; it is ended by cancellation and cleans up in its `finally`."""
        self._parts.append((name, part))

    def stop(self) -> None:
        """Asks for a clean stop: `run` ends every part and returns."""
        self._stop.set()

    async def run(self) -> None:
        """Runs the parts until one ends or `stop` is called, then ends the others.

        Raises StartError as it came, and PartFailedError for any other error, the first of them in time.
        """
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        tasks = [asyncio.create_task(_awaited(part), name=name) for name, part in self._parts]
        try:
            done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
            first = next((task for task in tasks if task in done and _error(task)), None)
        finally:
            stopping.cancel()
            await _end(tasks)
        failed = first or next((task for task in tasks if _error(task)), None)
        if failed is not None and (error := _error(failed)) is not None:
            if isinstance(error, StartError):
                raise error
            raise PartFailedError(failed.get_name(), error) from error


async def _awaited(part: Callable[[], Awaitable[None]]) -> None:
    await part()


def _error(task: asyncio.Task[None]) -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    clock = asyncio.get_running_loop().time
    until = clock() + STOP_SECONDS
    for task in reversed(tasks):
        if not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=max(until - clock(), 0.0))
        if not task.done():
            log.error("part does not stop", part=task.get_name(), seconds=STOP_SECONDS)


def main(wire: Callable[[Workgroup], None]) -> int:
    """Runs one process: `wire` adds its parts, inside the running loop; SIGTERM and SIGINT end it cleanly.

    Returns the exit code: 0 after a clean stop, 3 after a failure, which is told in one line on stderr.
    """
    try:
        asyncio.run(_run(wire))
    except StartError as error:
        print(f"isoline: {error}", file=sys.stderr)  # noqa: T201 - the one line that its user reads
        return 3
    except PartFailedError as error:
        log.exception("process failed", part=error.part, error=str(error), exc_info=error.__cause__)
        return 3
    return 0


async def _run(wire: Callable[[Workgroup], None]) -> None:
    group = Workgroup()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, group.stop)
    wire(group)
    await group.run()
