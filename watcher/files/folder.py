"""A folder of manifests as one table: which objects its files have now, whatever happens to the files.

What appears or changes is published at once. What is lost waits until the files have settled: a file that an
editor removes and writes again, or an object that moves from one file to another, was never gone.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from runtime.link.row import Row
from watcher import reasons
from watcher.files.manifests import Manifest, twice
from watcher.problem import Problem

# Nothing is lost until no file has changed for this long: editors and git remove and write in milliseconds.
SETTLE_SECONDS: Final = 0.05
# However busy the folder is, what is lost goes after this long.
SETTLE_LIMIT_SECONDS: Final = 1.0
# A copied folder has as many mistakes as objects; nobody reads more than this of one file.
MAX_PROBLEMS: Final = 100

FOLDER: Final = "."  # what concerns the folder as a whole


@dataclass(frozen=True, slots=True)
class Batch:
    """One decision about the table: all of it holds at once.

    `held` are the files whose objects aren't known, as they were unreadable from the start. `since` is when
    its oldest cause was seen, in the time of `now`.
    """

    puts: Mapping[str, Row]
    deletes: frozenset[str]
    held: frozenset[str]
    since: float


@dataclass(slots=True)
class _File:
    """`objects` of the last readable version; `fading` are earlier ones, kept until the files settle."""

    objects: Mapping[str, Row] = field(default_factory=dict)
    fading: dict[str, Row] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    known: bool = False
    gone: bool = False

    def firm(self, reference: str) -> Row | None:
        """The object, if the file has it."""
        return None if self.gone else self.objects.get(reference)

    def faded(self, reference: str) -> Row | None:
        """The object, if the file had it a moment ago."""
        return (self.objects.get(reference) if self.gone else None) or self.fading.get(reference)


class Folder:
    """Files come in as manifests, batches go out. `now` is any clock that only goes forward."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self._files: dict[str, _File] = {}
        self._claims: dict[
            str, tuple[str, ...]
        ] = {}  # reference → files that have it, or had it a moment ago
        self._twice: dict[str, dict[str, str]] = {}  # file → reference → the file whose object counts
        self._unsettled: set[str] = set()
        self._held: set[str] = set()
        self._lost_at = 0.0
        self._lost_since = 0.0
        self.deadline: float | None = None
        """When `settle` is due; None while nothing is lost."""

    def apply(self, files: Mapping[str, Manifest | None], now: float, since: float | None = None) -> Batch:
        """Takes the newest content of files; None is a file that is no longer there."""
        touched: set[str] = set()
        for path, manifest in files.items():
            touched.update(self._take(path, manifest))
        if self._unsettled:
            if self.deadline is None:
                self._lost_at, self._lost_since = now, now if since is None else since
            self.deadline = min(now + SETTLE_SECONDS, self._lost_at + SETTLE_LIMIT_SECONDS)
        return self._batch(touched, set(files), now if since is None else since)

    def settle(self, now: float) -> Batch:
        """Lets go what was lost and has not come back by the deadline."""
        touched: set[str] = set()
        paths: set[str] = set()
        if self.deadline is not None and now >= self.deadline:
            self.deadline = None
            paths, self._unsettled = self._unsettled, set()
            for path in paths:
                touched.update(self._forget(path))
        return self._batch(touched, paths, self._lost_since)

    def vanish(self, message: str, now: float) -> Batch:
        """The folder itself cannot be seen: every file stays as it is, those that went a moment ago too."""
        touched: set[str] = set()
        back = {path for path in self._unsettled if self._files[path].gone}
        for path in back:
            self._files[path].gone = False
            touched.update(self._files[path].objects)
        self._unsettled -= {path for path in back if not self._files[path].fading}
        if not self._unsettled:
            self.deadline = None
        self._take(FOLDER, Manifest.unreadable(message))
        return self._batch(touched, {FOLDER, *back}, now)

    def ignored(self) -> dict[str, int]:
        """How many objects of which kinds nobody reads."""
        return dict(sum((Counter(file.ignored) for file in self._present()), Counter()))

    def status(self) -> dict[str, Any]:
        """Files, objects of each kind, problems, and the files that are unreadable from the start."""
        kinds = Counter(reference.partition("/")[0] for reference in self.rows)
        del kinds["File"]
        return {
            "files": sum(1 for _ in self._present()),
            "objects": dict(sorted(kinds.items())),
            "ignored": self.ignored(),
            "problems": sum(len(self._problems(path)) for path in self._files),
            "held": sorted(self._held),
        }

    def _present(self) -> Iterator[_File]:
        return (file for path, file in self._files.items() if not file.gone and path != FOLDER)

    def _take(self, path: str, manifest: Manifest | None) -> Iterable[str]:
        file = self._files.get(path)
        if file is None:
            if manifest is None:
                return ()
            file = self._files[path] = _File()
        before = file.objects
        if manifest is None:
            file.gone = True
            self._unsettled.add(path)
            return tuple(before)
        file.gone, file.problems = False, manifest.problems
        if not manifest.readable:
            if not file.known:
                self._held.add(path)
            return tuple(before)
        lost = {reference: row for reference, row in before.items() if reference not in manifest.objects}
        if lost:
            file.fading.update(lost)
            self._unsettled.add(path)
        file.objects, file.ignored, file.known = manifest.objects, manifest.ignored, True
        self._held.discard(path)
        for reference in manifest.objects:
            paths = self._claims.get(reference, ())
            if path not in paths:
                self._claims[reference] = (*paths, path)
        return {*before, *manifest.objects}

    def _forget(self, path: str) -> Iterable[str]:
        file = self._files[path]
        forgotten = {*file.fading, *(file.objects if file.gone else ())}
        file.fading = {}
        if file.gone:
            del self._files[path]
            self._held.discard(path)
        for reference in forgotten:
            if file.firm(reference) is None:
                paths = tuple(other for other in self._claims.get(reference, ()) if other != path)
                if paths:
                    self._claims[reference] = paths
                else:
                    self._claims.pop(reference, None)
        return forgotten

    def _batch(self, touched: set[str], paths: set[str], since: float) -> Batch:
        """Compares what holds now with what was published, for these references and files alone."""
        now: dict[str, Row | None] = {}
        concerned = set(paths)
        for reference in touched:
            now[reference], others = self._winner(reference)
            concerned.update(others)
        for path in concerned:
            now[f"File//{path}"] = self._file_row(path)
        puts = {key: row for key, row in now.items() if row is not None and row != self.rows.get(key)}
        deletes = frozenset(key for key, row in now.items() if row is None and key in self.rows)
        self.rows.update(puts)
        for key in deletes:
            del self.rows[key]
        return Batch(puts, deletes, frozenset(self._held), since)

    def _winner(self, reference: str) -> tuple[Row | None, set[str]]:
        """The row that counts, the first by path, and the files whose duplicates were or are now told."""
        paths = sorted(self._claims.get(reference, ()))
        firm = [(path, row) for path in paths if (row := self._files[path].firm(reference)) is not None]
        told: set[str] = set()
        for path in paths:
            loses = firm[0][0] if firm and firm[0][0] != path and self._files[path].firm(reference) else None
            told |= self._tell_twice(path, reference, loses)
        if firm:
            return firm[0][1], told
        faded = (row for path in paths if (row := self._files[path].faded(reference)) is not None)
        return next(faded, None), told

    def _tell_twice(self, path: str, reference: str, winner: str | None) -> set[str]:
        told = self._twice.setdefault(path, {})
        if winner is None:
            changed = told.pop(reference, None) is not None
        else:
            changed = True  # the winner, or the line of its object, may be another
            told[reference] = winner
        if not told:
            del self._twice[path]
        return {path} if changed else set()

    def _file_row(self, path: str) -> Row | None:
        problems = [problem.as_json() for problem in self._problems(path)]
        if not problems:
            return None
        if len(problems) > MAX_PROBLEMS:
            more = len(problems) - MAX_PROBLEMS + 1
            problems[MAX_PROBLEMS - 1 :] = [{**problems[-1], "message": f"and {more} more", "line": None}]
        return Row.of(orjson.dumps({"kind": "File", "metadata": {"name": path}, "problems": problems}))

    def _problems(self, path: str) -> list[Problem]:
        file = self._files.get(path)
        if file is None or file.gone:
            return []
        problems = list(file.problems)
        for reference, winner in sorted(self._twice.get(path, {}).items()):
            first, second = (_line(self._files[of].objects[reference]) for of in (winner, path))
            message = twice(reference, (winner, first), (path, second))
            problems.append(Problem(reasons.DUPLICATE_OBJECT, message, second))
        return problems


def _line(row: Row) -> int:
    return int(orjson.loads(row.body)["source"]["line"])
