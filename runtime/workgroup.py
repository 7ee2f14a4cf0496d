"""Tasks with one lifetime: the first part to end stops the rest.

After the workgroup of the talk "How Heptio Built Contour": a process is a handful of parts that only make
sense together, so none of them may quietly be missing.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable

import structlog

from runtime import collector
from runtime.start_error import StartError

log = structlog.get_logger()

# All parts together have this long to stop: `isoline up` promises that all has ended within 10 s.
STOP_SECONDS = 5.0
# After this long the process ends whatever still runs in it: a part, or a thread that nothing can cancel.
EXIT_SECONDS = 6.0
# The exit code of a process that has failed.
FAILED = 3


class PartFailedError(Exception):
    """A part ended by an exception, which is this one's cause; or by itself; or it didn't stop."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} {reason}")
        self.part = name


class Workgroup:
    """Parts that start together; the first to end, or `stop`, ends all of them, the last added first."""

    def __init__(self, ending: Callable[[], None] = lambda: None) -> None:
        """`ending` is called when the end begins."""
        self._parts: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._stop = asyncio.Event()
        self._ending = ending

    def add(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        """Adds a part before `run`; it is ended by cancellation and cleans up in its `finally`."""
        self._parts.append((name, part))

    def stop(self) -> None:
        """Asks for a clean stop: `run` ends every part and returns."""
        self._stop.set()

    async def run(self) -> None:
        """Runs the parts until one ends or `stop` is called, then ends the others.

        Raises StartError as it came, and PartFailedError for any other error, for a part that ended by itself
        without `stop`, and for one that doesn't stop: the first of them in time.
        """
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        tasks = [asyncio.create_task(_awaited(part), name=name) for name, part in self._parts]
        ended: list[asyncio.Task[None]] = []
        for task in tasks:
            task.add_done_callback(ended.append)
        early: list[asyncio.Task[None]] = []
        try:
            await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
            early = [] if self._stop.is_set() else ended.copy()
        finally:
            self._ending()
            stopping.cancel()
            await _end(tasks)
        for task in (*ended, *tasks):
            _check(task, early=task in early)


async def _awaited(part: Callable[[], Awaitable[None]]) -> None:
    await part()


def _check(task: asyncio.Task[None], *, early: bool) -> None:
    """Raises what is wrong with a part at the end."""
    if not task.done():
        raise PartFailedError(task.get_name(), f"does not stop within {STOP_SECONDS:g} s")
    error = None if task.cancelled() else task.exception()
    if isinstance(error, StartError):
        raise error
    if error is not None:
        raise PartFailedError(task.get_name(), f"failed: {str(error) or type(error).__name__}") from error
    if early:
        raise PartFailedError(task.get_name(), "ended by itself")


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

    Returns the exit code: 0 after a clean stop, 3 after a failure, which is told in one line on stderr. Ends
    the process itself, with 3, when that takes longer than EXIT_SECONDS.
    """
    limit = threading.Timer(EXIT_SECONDS, _give_up)
    limit.daemon = True
    try:
        return asyncio.run(_run(wire, limit.start))
    finally:
        limit.cancel()


async def _run(wire: Callable[[Workgroup], None], ending: Callable[[], None]) -> int:
    group = Workgroup(ending)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, group.stop)
    # Told here: who does not stop may keep the loop from ever ending.
    try:
        wire(group)
        collector.start()
        await group.run()
    except StartError as error:
        print(f"isoline: {error}", file=sys.stderr)  # noqa: T201 - the one line that its user reads
        return FAILED
    except PartFailedError as error:
        log.exception("process failed", part=error.part, error=str(error), exc_info=error.__cause__)
        return FAILED
    return 0


def _give_up() -> None:
    """In a thread of its own, for asyncio and the interpreter would wait for ever."""
    try:
        log.error("process does not end", threads=sorted(thread.name for thread in threading.enumerate()))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(FAILED)
