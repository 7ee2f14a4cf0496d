"""Manifests named on a command line, and what the translator makes of them."""

import errno
import os
import stat
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from isoline.mistake import Mistake
from isoline.near import Near
from isoline.place import Places
from isoline.problem import Problem, Told, told
from isoline.up import ports
from runtime.link.row import Change, Row
from translator.settings import Settings
from translator.translator import Translator
from watcher.files.folder import Folder
from watcher.files.manifests import MAX_BYTES, Manifest, parse
from watcher.files.names import is_hidden, is_manifest

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Manifests:
    """What stands in files, each by its path as on the command line: rows of objects (and of problems of
    files), and how many objects of which kinds nobody reads.
    """

    files: Mapping[str, bytes | None]
    rows: Mapping[str, Row]
    ignored: Mapping[str, int]

    @property
    def objects(self) -> int:
        """How many objects are read."""
        return sum(not key.startswith("File/") for key in self.rows)


@dataclass(frozen=True, slots=True)
class Translation:
    """Envoy's resources by key, and what is wrong, in the order of the files and their lines."""

    resources: Mapping[str, Row]
    problems: tuple[Problem, ...]


def read(paths: Collection[str]) -> Manifests:
    """The manifests of files, folders and stdin (`-`). Raises Mistake for a path that cannot be read."""
    found: dict[str, Manifest] = {}
    texts: dict[str, bytes | None] = {}
    for path in _distinct(paths):
        try:
            texts[path] = _content(path, is_named=path in paths)
        except OSError as error:
            texts[path] = None
            found[path] = Manifest.unreadable(error.strerror or str(error))
        else:
            found[path] = parse(path, texts[path] or b"")
    folder = Folder()
    folder.apply(found, now=0.0)
    return Manifests(texts, dict(folder.rows), folder.ignored())


def settings(
    *,
    listen: str,
    http_port: int,
    https_port: int,
    redirect_port: int | None,
    **others: Any,  # noqa: ANN401 - the other flags of meaning
) -> Settings:
    """The flags of meaning as the translator has them, with `up`'s port of redirects. Raises Mistake."""
    ports.demand_distinct({"--http-port": http_port, "--https-port": https_port})
    ports.demand_ip(listen)
    return Settings(
        listen=listen,
        http_port=http_port,
        https_port=https_port,
        redirect_port=redirect_port or https_port,
        **others,
    )


# What else is wrong with these rows, of which these resources were made: what only an edge can find out.
Asked = Callable[[Mapping[str, Row], Mapping[str, Row]], Iterable[Told]]


def translate(manifests: Manifests, settings: Settings, *asked: Asked) -> Translation:
    """Through the same core that serves."""
    output = translator(settings).apply(Change(manifests.rows, frozenset(), synced=True))
    assert output is not None  # noqa: S101 - there is one whenever the objects are complete
    places = Places(manifests.files.get)
    near = Near(manifests.rows)
    found = (
        each.problem(places.line_of, near.hint(each))
        for ref, row in output.statuses.puts.items()
        for each in told(ref, row.body)
    )
    more = (
        each.problem(places.line_of) for ask in asked for each in ask(manifests.rows, output.resources.puts)
    )
    order = {path: number for number, path in enumerate(manifests.files)}
    by_place = sorted([*found, *more], key=partial(_place, order))
    return Translation(output.resources.puts, tuple(by_place))


def translator(settings: Settings) -> Translator:
    """The core that serves, for what stands in files, today."""
    core = Translator(settings)
    core.advance(time.time())
    return core


def _place(order: Mapping[str, int], problem: Problem) -> tuple[int, int, str, str, str]:
    at = order.get(problem.file or "", len(order))
    return at, problem.line or 0, problem.kind, f"{problem.namespace}/{problem.name}", problem.message


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
