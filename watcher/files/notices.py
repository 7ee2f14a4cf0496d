"""From notices of changes in folders to files that are worth a look, and when.

Notices are hints: they come late, twice or not at all, and what is true is seen by looking.
"""

from dataclasses import dataclass
from typing import Final, Literal

from watcher.files.names import is_hidden, is_manifest

# What is saved together is read together: the next notice of one `cp` or `sed -i` comes in less.
QUIET_SECONDS: Final = 0.005
# However many notices come, what has changed is read after this long.
LIMIT_SECONDS: Final = 0.1
# A file that is being written is read when it is closed; one that stays open, this long after the last write.
OPEN_SECONDS: Final = 1.0
# One that appears is about to be written, or else has been moved here or is a link: nothing says which.
NEW_SECONDS: Final = 0.1

Kind = Literal["created", "modified", "closed", "deleted", "moved", "attrib"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something happened to `path`, which is relative to the watched folder `place`, "" for that itself.

    `moved`: it is there now, and complete; for where it was before, there is another, `deleted`. `attrib`:
    its permissions may be others.
    """

    kind: Kind
    place: str
    path: str
    folder: bool


@dataclass(frozen=True, slots=True)
class Work:
    """What to do now: look at `paths`, or with `everywhere` through all folders; not at what is `written`
    right now. Paths are absolute. `since` is when the first notice of it came.
    """

    paths: frozenset[str]
    everywhere: bool
    written: frozenset[str]
    since: float


class Notices:
    """Gathers notices until they pause. `now` is any clock that only goes forward."""

    def __init__(self) -> None:
        self._paths: set[str] = set()
        self._everywhere = False
        self._written: dict[str, float] = {}  # path → when it is read although nobody has closed it
        self._first: float | None = None
        self._last = 0.0

    @property
    def deadline(self) -> float | None:
        """When `take` has something; None when nothing has happened."""
        due = list(self._written.values())
        if self._first is not None:
            due.append(min(self._last + QUIET_SECONDS, self._first + LIMIT_SECONDS))
        return min(due, default=None)

    @property
    def written(self) -> frozenset[str]:
        """The files that are being written."""
        return frozenset(self._written)

    def tell(self, notice: Notice, now: float) -> None:
        """Takes one notice."""
        *above, name = notice.path.split("/")
        if name and any(map(is_hidden, (*above, name))):
            # The files of a mounted ConfigMap lead through `..data`, which is replaced.
            if notice.path.startswith("..") and notice.kind in ("created", "deleted", "moved"):
                self._count(now)
                self._everywhere = True
        elif is_manifest(name) and not notice.folder:
            self._manifest(notice.kind, f"{notice.place}/{notice.path}", now)
        elif notice.kind in ("created", "deleted", "moved") or (notice.folder and notice.kind == "attrib"):
            # A folder, or a link that may lead to one.
            self._count(now)
            self._everywhere = True

    def take(self, now: float) -> Work | None:
        """What there is to do; None before the deadline."""
        deadline = self.deadline
        if deadline is None or now < deadline:
            return None
        late = [path for path, at in self._written.items() if now >= at]
        for path in late:
            del self._written[path]
        since = now if self._first is None else self._first
        work = Work(frozenset({*self._paths, *late}), self._everywhere, self.written, since)
        self._paths, self._everywhere, self._first = set(), False, None
        return work

    def _manifest(self, kind: Kind, path: str, now: float) -> None:
        if kind == "modified":
            self._written[path] = now + OPEN_SECONDS
        elif kind == "created":
            self._written.setdefault(path, now + NEW_SECONDS)
        elif kind != "attrib" or path not in self._written:
            self._written.pop(path, None)
            self._paths.add(path)
            self._count(now)

    def _count(self, now: float) -> None:
        self._last = now
        if self._first is None:
            self._first = now
