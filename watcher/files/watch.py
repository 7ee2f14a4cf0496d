"""Notices of changes in folders, from the kernel by watchdog, in the event loop."""

import asyncio
import contextlib
import errno
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from watcher.files.names import is_manifest
from watcher.files.notices import Kind, Notice
from watcher.files.tree import Place

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers.api import BaseObserver, ObservedWatch

# What its calls say when there is no more, inotify(7).
LIMITS: Final = {
    errno.EMFILE: "fs.inotify.max_user_instances is used up",
    errno.ENOSPC: "fs.inotify.max_user_watches is used up",
}


class WatchError(Exception):
    """No notices can be had; the message says why."""


class Watch:
    """Tells of changes, with the time of each, by calls in the loop that it was made in.

    `follow` and `close` block: they are for a thread, one at a time.
    """

    def __init__(self, tell: Callable[[Notice, float], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._tell = tell
        self._observer: BaseObserver | None = None
        self._watches: dict[Place, ObservedWatch] = {}

    @property
    def places(self) -> frozenset[Place]:
        """What is watched now."""
        return frozenset(self._watches)

    def follow(self, places: frozenset[Place]) -> None:
        """Watches these and no others, those that are gone by now left out; raises WatchError when any other
        can't be watched, and then watches none.
        """
        try:
            if self._observer is None:
                self._observer = _observer()
            for place in self._watches.keys() - places:
                self._observer.unschedule(self._watches.pop(place))
            for place in places - self._watches.keys():
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    self._watches[place] = self._observer.schedule(
                        self._handler(place), place.path, recursive=place.deep, event_filter=_wanted()
                    )
        except ImportError as error:
            raise WatchError(str(error)) from error
        except OSError as error:
            self.close()
            raise WatchError(LIMITS.get(error.errno or 0, error.strerror or str(error))) from error

    def covers(self, folders: int) -> bool:
        """Whether so many are watched: of those below a place watchdog passes over, without a word, what the
        kernel refuses. Yes, where the kernel doesn't tell.
        """
        return (_watched() or folders) >= folders

    def close(self) -> None:
        """Ends all notices."""
        observer, self._observer, self._watches = self._observer, None, {}
        if observer is not None:
            observer.stop()
            observer.join()

    def _handler(self, place: Place) -> "FileSystemEventHandler":
        from watchdog.events import FileSystemEventHandler  # noqa: PLC0415 - not on every system

        watch = self

        class Handler(FileSystemEventHandler):
            def on_any_event(self, event: "FileSystemEvent") -> None:
                watch._told(place, event)

        return Handler()

    def _told(self, place: Place, event: "FileSystemEvent") -> None:
        """Called in watchdog's thread."""
        now = time.monotonic()  # the loop's clock
        kind = cast("Kind", event.event_type)
        source, target = os.fsdecode(event.src_path), os.fsdecode(event.dest_path)
        self._pass(place, "deleted" if kind == "moved" else kind, source, now, folder=event.is_directory)
        if kind == "moved":
            self._pass(place, kind, target, now, folder=event.is_directory)

    def _pass(self, place: Place, kind: Kind, path: str, now: float, *, folder: bool) -> None:
        within = path.removeprefix(place.path).lstrip("/")
        # A folder that is watched for the target of a link has other files too, /etc for one.
        if place.deep or is_manifest(within):
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._tell, Notice(kind, place.path, within, folder), now)


def _watched() -> int:
    """Watches of inotify that this process has, proc(5)."""
    return sum(text.count("inotify wd:") for text in map(_text, Path("/proc/self/fdinfo").glob("*")))


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # closed meanwhile
        return ""


def _observer() -> "BaseObserver":
    from watchdog.observers import Observer  # noqa: PLC0415 - not on every system

    # That the watches of a folder that was moved in are already there.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"watchdog\.")
    observer = Observer()
    observer.start()
    return observer


def _wanted() -> "list[type[FileSystemEvent]]":
    """All but openings, and closings of what was only read: our own reading would be told."""
    from watchdog import events  # noqa: PLC0415 - not on every system

    return [
        events.FileCreatedEvent,
        events.FileModifiedEvent,
        events.FileClosedEvent,
        events.FileDeletedEvent,
        events.FileMovedEvent,
        events.FileAttribEvent,
        events.DirCreatedEvent,
        events.DirDeletedEvent,
        events.DirMovedEvent,
        events.DirAttribEvent,
    ]
