"""The edge of the watcher's process: a folder in, the publisher out, the cores between."""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import prometheus_client
import structlog

from runtime.link.keys import LinkKeys
from runtime.link.link_publisher import LinkPublisher
from runtime.probe import Probe
from runtime.workgroup import Workgroup
from watcher.files.folder import FOLDER, Batch, Folder
from watcher.files.notices import Notice, Notices, Work
from watcher.files.settings import Settings
from watcher.files.source import Source
from watcher.files.tree import MissingError
from watcher.published import OBJECTS, publish

log = structlog.get_logger()

# So often the whole folder is looked through whatever is told: notices are lost (inotify's queue is full), or
# never come (another machine writes to a network file system, a link is turned around elsewhere).
BACKSTOP_SECONDS: Final = 2.0
POLL_SECONDS: Final = 1.0
# Looking takes no larger share of the time.
LOOK_SHARE: Final = 0.05
# So often it is asked whether a folder that went is back.
MISSING_SECONDS: Final = 0.2
# Files that a line of the log names.
LOGGED: Final = 5

FILES = prometheus_client.Counter("isoline_watcher_files", "Files read.")
POLLING = prometheus_client.Gauge("isoline_watcher_polling", "1 while no notices of changes can be had.")


def wire(settings: Settings, group: Workgroup) -> None:
    """Adds the parts of a watcher: the folder and the publisher."""
    keys = LinkKeys.load(Path(settings.link_keys), own="watcher") if settings.link_keys else None
    process = _Process(settings.folder, LinkPublisher(settings.publish, (OBJECTS,), keys))
    probe = Probe(probe=settings.probe, debug=settings.debug, ready=process.ready, status=process.status)
    group.add("probe", probe.run)
    group.add("publisher", process.publisher.run)
    group.add("folder", process.run)


class _Process:
    """Looks where notices point, and through everything now and then; publishes what follows."""

    def __init__(self, root: str, publisher: LinkPublisher) -> None:
        self.publisher = publisher
        self._root = root
        self._source = Source(root, self._told)
        self._folder = Folder()
        self._notices = Notices()
        self._woken = asyncio.Event()
        self._missing: str | None = "not read yet"
        self._started = False
        self._next_look = 0.0

    def ready(self) -> str | None:
        return None if self._started else f"{self._root}: {self._missing}"

    def status(self) -> Mapping[str, Any]:
        about = {"path": self._root, "missing": self._missing, "polling": self._source.polling}
        return {"folder": {**about, **self._folder.status()}, "publisher": self.publisher.status()}

    async def run(self) -> None:
        """Until cancelled: reads what has changed, and publishes what follows."""
        # One thread: one look at a time, and the end after the last.
        thread = ThreadPoolExecutor(1, "folder")
        try:
            while True:
                now = time.monotonic()
                if (work := self._notices.take(now)) is not None:
                    await self._look(thread, work, now)
                elif now >= self._next_look:
                    await self._look(thread, None, now)
                elif self._folder.deadline is not None and now >= self._folder.deadline:
                    self._publish(self._folder.settle(now))
                else:
                    await self._pause(now)
        finally:
            self._source.tree.stopped = True
            thread.submit(self._source.close)
            thread.shutdown(wait=False)

    def _told(self, notice: Notice, now: float) -> None:
        self._notices.tell(notice, now)
        self._woken.set()

    async def _pause(self, now: float) -> None:
        """Until something is due; a notice may bring that forward."""
        dues = (self._notices.deadline, self._folder.deadline, self._next_look)
        self._woken.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(due for due in dues if due is not None) - now)):
                await self._woken.wait()

    async def _look(self, thread: Executor, work: Work | None, now: float) -> None:
        """Where the notices point, or with None through everything."""
        look = partial(self._source.look, work, self._notices.written)
        since = now if work is None else work.since
        try:
            found = await asyncio.get_running_loop().run_in_executor(thread, look)
        except MissingError as error:
            self._next_look = now + MISSING_SECONDS
            self._miss(str(error), now)
            return
        if self._missing is not None:
            log.info("folder read", folder=self._root, files=len(found) - 1, polling=self._source.polling)
            self._missing = None
        POLLING.set(self._source.polling is not None)
        if work is None or work.everywhere:
            took = time.monotonic() - now
            every = BACKSTOP_SECONDS if self._source.polling is None else POLL_SECONDS
            self._next_look = time.monotonic() + max(every, took / LOOK_SHARE)
        self._publish(self._folder.apply(found, time.monotonic(), since), sorted(found.keys() - {FOLDER}))

    def _miss(self, message: str, now: float) -> None:
        if message != self._missing:
            self._missing = message
            log.warning("folder not readable", folder=self._root, error=message)
        if self._started:
            self._publish(self._folder.vanish(message, now))

    def _publish(self, batch: Batch, files: Sequence[str] = ()) -> None:
        self._started = True
        FILES.inc(len(files))
        publish(
            self.publisher,
            puts=batch.puts,
            deletes=batch.deletes,
            held=batch.held,
            since=batch.since,
            files=files[:LOGGED],
        )
