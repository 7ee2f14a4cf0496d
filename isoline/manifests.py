"""Manifests named on a command line: files, folders and stdin."""

import errno
import os
import stat
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from isoline.mistake import Mistake
from isoline.objects import Objects
from isoline.output import counted
from watcher.files.folder import Folder
from watcher.files.manifests import MAX_BYTES, Manifest, parse
from watcher.files.names import is_hidden, is_manifest
from watcher.kinds import DEFAULT_NAMESPACE

STDIN = "-"


def read(paths: Collection[str], namespace: str = DEFAULT_NAMESPACE) -> Objects:
    """What stands in files, folders and stdin (`-`), each by its path as on the command line; objects
    that name no namespace are in this one.

    Raises Mistake for a path that cannot be read.
    """
    found: dict[str, Manifest] = {}
    texts: dict[str, bytes | None] = {}
    for path in _distinct(paths):
        try:
            texts[path] = _content(path, is_named=path in paths)
        except OSError as error:
            texts[path] = None
            found[path] = Manifest.unreadable(error.strerror or str(error))
        else:
            found[path] = parse(path, texts[path] or b"", namespace)
    folder = Folder()
    folder.apply(found, now=0.0)
    return Objects(dict(folder.rows), f"in {counted(len(texts), 'file')}", texts, folder.ignored())


def _distinct(paths: Iterable[str]) -> Iterator[str]:
    """Every file once, by the first path that leads to it."""
    seen: set[tuple[int, int]] = set()
    stdin = False
    for path in paths:
        if path == STDIN:
            if not stdin:
                yield path
            stdin = True
            continue
        try:
            known = Path(path).stat()
        except OSError as error:
            raise Mistake(f"{path}: {_reason(error)}") from None
        if stat.S_ISDIR(known.st_mode):
            found = _files(path)
        elif os.access(path, os.R_OK):
            found = iter([path])
        else:
            raise Mistake(f"{path}: no permission to read it")
        for file in found:
            identity = _identity(file)
            if identity is None or identity not in seen:
                seen.update({identity} if identity else ())
                yield file


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file or folder"
    return error.strerror or str(error)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        known = Path(path).stat()
    except OSError:
        return None
    return (known.st_dev, known.st_ino) if stat.S_ISREG(known.st_mode) else None


def _files(folder: str) -> Iterator[str]:
    """The manifests below a folder, by name; hidden ones are passed over, links are followed once."""
    visited: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        raise Mistake(f"{error.filename}: {error.strerror}") from None

    for here, folders, names in os.walk(folder, followlinks=True, onerror=refuse):
        known = Path(here).stat()
        if (known.st_dev, known.st_ino) in visited:
            folders.clear()
            continue
        visited.add((known.st_dev, known.st_ino))
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(names):
            path = os.path.join(here, name)  # noqa: PTH118 - the path as written: ./a stays ./a
            if is_manifest(name):
                yield path


def _content(path: str, *, is_named: bool) -> bytes:
    """Raises OSError. A little more than what is taken is enough to see that it is too much.

    A pipe that is named itself is read, as a shell's `<(…)` is; one in a folder would be waited for for ever.
    """
    if path == STDIN:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    if not is_named and not stat.S_ISREG(Path(path).stat().st_mode):
        raise OSError(errno.EINVAL, "a named pipe, socket or device, not a file")
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
        return file.read(MAX_BYTES + 1)
