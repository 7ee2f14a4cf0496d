"""The files below a folder on this machine: which there are, what has changed, and their content."""

import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from watcher.files.manifests import MAX_BYTES, TOO_LARGE, Manifest, parse
from watcher.files.names import is_hidden, is_manifest

# Device, inode, size, and when content and inode last changed; or an error number: equal, there is nothing
# new to read.
Signature = tuple[int, ...]
# Read without waiting for who writes to a pipe, and without becoming the process of a terminal.
FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class MissingError(Exception):
    """The folder itself can't be listed; the message says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """A real folder that files are in, or that a link leads to; `deep`: with its subfolders."""

    path: str
    deep: bool


@dataclass(slots=True)
class _Listing:
    """What one look through the folder found. `real` has the path without links of each file, `folders` the
    path of each folder by that without links, `blind` those that can't be listed, and why.
    """

    files: dict[str, Signature] = field(default_factory=dict)
    real: dict[str, str] = field(default_factory=dict)
    blind: dict[str, str] = field(default_factory=dict)
    linked: set[Place] = field(default_factory=set)
    folders: dict[str, str] = field(default_factory=dict)


class Tree:
    """Reads what has changed below `root`. Not for two threads at once; paths are relative, with `/`."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)  # noqa: PTH100 - a link stays one
        self.places: frozenset[Place] = frozenset()
        """Where changes have to be watched for, as of the last scan."""
        self.stopped = False
        """Set from another thread, so that a scan reads no further file."""
        self._read: dict[str, Signature] = {}  # as of when it was read
        self._seen: dict[str, Signature] = {}  # as of the last scan
        self._paths: dict[str, str] = {}  # of files, by the real path
        self._folders: dict[str, str] = {}
        self._blind: set[str] = set()

    @property
    def folders(self) -> int:
        """How many the last scan has looked into."""
        return len(self._folders)

    def identity(self) -> tuple[str, int, int]:
        """Which folder is at `root` now. Raises MissingError."""
        try:
            status = Path(self.root).stat()
        except OSError as error:
            raise MissingError(_reason(error)) from error
        return os.path.realpath(self.root), status.st_dev, status.st_ino

    def scan(
        self, written: frozenset[str] = frozenset(), *, steady: bool = False
    ) -> dict[str, Manifest | None]:
        """Looks through the whole folder and reads what has changed since, but for what is being `written`
        (real paths); None is a file that is gone.

        `steady`: nobody tells when a file is complete, so it is read when it looks as it did the last time.
        Raises MissingError.
        """
        listing = _list(self.root)
        found: dict[str, Manifest | None] = {}
        for path, signature in listing.files.items():
            real = listing.real[path]
            changed = self._read.get(path) != signature and real not in written
            if changed and (not steady or self._seen.get(path) == signature) and not self.stopped:
                found[path] = self._manifest(path, real, signature)
        hidden = tuple(f"{path}/" for path in listing.blind)
        gone = [path for path in self._read if path not in listing.files and not path.startswith(hidden)]
        for path in gone:
            del self._read[path]
        found.update(dict.fromkeys([*gone, *(self._blind - listing.blind.keys())]))
        found.update((path, Manifest.unreadable(message)) for path, message in listing.blind.items())
        self._blind, self._seen, self._folders = set(listing.blind), listing.files, listing.folders
        self._paths = {real: path for path, real in listing.real.items()}
        self.places = frozenset({Place(os.path.realpath(self.root), deep=True), *listing.linked})
        return found

    def read(self, real: Iterable[str]) -> dict[str, Manifest | None] | None:
        """Reads files by their real paths, known ones or new ones in known folders; None when one is anything
        else, or gone, so that only a scan can tell.
        """
        changed: dict[str, tuple[str, Signature]] = {}
        for each in sorted(real):
            path, status = self._paths.get(each) or self._new(each), _lstat(each)
            if path is None or status is None or not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
                return None
            if self._read.get(path) != _signature(status):
                changed[path] = each, _signature(status)
        self._paths.update((each, path) for path, (each, _) in changed.items())
        return {path: self._manifest(path, *found) for path, found in changed.items()}

    def _new(self, real: str) -> str | None:
        above, name = os.path.split(real)
        folder = self._folders.get(above)
        return None if folder is None else os.path.join(folder, _shown(name))  # noqa: PTH118

    def _manifest(self, path: str, real: str, signature: Signature) -> Manifest | None:
        self._read[path] = signature
        try:
            if not stat.S_ISREG(Path(real).stat().st_mode):
                return Manifest.unreadable("a named pipe, socket or device, not a file")
            descriptor = os.open(real, FLAGS)
            with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
                status = os.fstat(descriptor)
                self._read[path] = _signature(status)
                if status.st_size > MAX_BYTES:
                    return Manifest.unreadable(TOO_LARGE)
                return parse(path, file.read(MAX_BYTES + 1))
        except FileNotFoundError:
            if _lstat(f"{self.root}/{path}") is not None:
                return Manifest.unreadable("a link to a file that does not exist")
            del self._read[path]
            return None
        except OSError as error:
            return Manifest.unreadable(_reason(error))


def _list(root: str) -> _Listing:
    """Every folder and every file once, by the first path that leads to it. Raises MissingError."""
    listing = _Listing()
    top = os.path.realpath(root)
    known: set[tuple[int, int]] = set()
    waiting = [("", top)]  # folders, with their paths without links
    while waiting:
        folder, real = waiting.pop()
        try:
            if not _is_new(Path(real).stat(), known):
                continue
            entries = _entries(real)
        except OSError as error:
            if not folder:
                raise MissingError(_reason(error)) from error
            listing.blind[folder] = _reason(error)
            continue
        listing.folders[real] = folder
        below: list[tuple[str, str]] = []
        for name, linked, is_folder in entries:
            path = f"{folder}/{_shown(name)}" if folder else _shown(name)
            target = os.path.realpath(f"{real}/{name}") if linked else f"{real}/{name}"
            deep = is_folder or (linked and os.path.isdir(target))  # noqa: PTH112
            if deep:
                below.append((path, target))
            elif is_manifest(name):
                _add(listing, known, path, target)
            else:
                continue
            if linked and not f"{target}/".startswith(f"{top}/"):
                place = Place(target if deep else os.path.dirname(target), deep)  # noqa: PTH120
                if os.path.isdir(place.path):  # noqa: PTH112 - a link may lead nowhere
                    listing.linked.add(place)
        waiting.extend(reversed(below))
    return listing


def _entries(folder: str) -> list[tuple[str, bool, bool]]:
    """Name, whether it is a link, and whether it is a folder. Raises OSError."""
    with os.scandir(folder) as found:
        return sorted(
            (entry.name, entry.is_symlink(), entry.is_dir(follow_symlinks=False))
            for entry in found
            if not is_hidden(entry.name)
        )


def _add(listing: _Listing, known: set[tuple[int, int]], path: str, real: str) -> None:
    try:
        status = Path(real).stat()
    except OSError as error:
        listing.files[path], listing.real[path] = (error.errno or errno.EIO,), real
    else:
        if _is_new(status, known):
            listing.files[path], listing.real[path] = _signature(status), real


def _is_new(status: os.stat_result, known: set[tuple[int, int]]) -> bool:
    identity = status.st_dev, status.st_ino
    if identity in known:
        return False
    known.add(identity)
    return True


def _shown(name: str) -> str:
    """A name that is no UTF-8, written so that it is."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _signature(status: os.stat_result) -> Signature:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _lstat(path: str) -> os.stat_result | None:
    try:
        return Path(path).lstat()
    except OSError:
        return None


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file or folder"
    return error.strerror or str(error)
