"""One fleet's resources, with a journal of what changed when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runtime.link.row import Row
from xds_server.resource_type import BY_KEY, split

# Removed names are remembered until every stream has passed them; they are looked through when there are
# this many more than what lives.
TOMBSTONES = 1000


@dataclass(slots=True)
class Entry:
    """A resource now, or the memory of one that is gone (`row` is None; `last` is what it was).

    Revisions: `changed` of the last change, `added` of the last time that it appeared.
    """

    row: Row | None
    last: Row
    changed: int
    added: int


class Table:
    """The union of what several sources (shards of the translator) publish. Each batch is one revision.

    The entries of a type are ordered by their last change: the journal is that order, read from its end, so
    what changed since a revision costs what changed, and a resource that changed often is there once.
    """

    def __init__(self, sources: int = 1) -> None:
        self.revision = 0
        self.synced = False
        self._sources: list[dict[str, Row]] = [{} for _ in range(sources)]
        self._complete = [False] * sources
        self._entries: dict[str, dict[str, Entry]] = {key: {} for key in BY_KEY}
        self._changed: dict[str, int] = dict.fromkeys(BY_KEY, 0)
        self._removed: dict[str, int] = dict.fromkeys(BY_KEY, 0)
        self._users: dict[str, set[str]] = {}
        self._doomed: dict[str, None] = {}  # deleted, but needed still
        self._dead = dict.fromkeys(BY_KEY, 0)
        self._pruned = dict.fromkeys(BY_KEY, 0)  # how many were left when a type was looked through

    def apply(
        self, source: int, puts: Mapping[str, Row], deletes: Iterable[str], *, synced: bool
    ) -> tuple[str, ...]:
        """Takes one batch of a source; returns the keys that changed. Rows of unknown types are passed over.

        Batches of different sources have no order between them, so what is deleted stays while anything in
        the table needs it. The table is synced once all its sources have been, and stays so: what is held
        is served on while a source restarts.
        """
        mine = self._sources[source]
        revision = self.revision + 1
        changed = []
        for key in deletes:
            if mine.pop(key, None) is None:
                continue
            rest = self._elsewhere(source, key)
            if rest is None:
                self._doomed[key] = None
            elif self._put(key, rest, revision):
                changed.append(key)
        for key, row in puts.items():
            if split(key)[0] in BY_KEY:
                mine[key] = row
                if self._put(key, row, revision):
                    changed.append(key)
        changed += self._bury(revision)
        self._complete[source] = synced
        self.synced = self.synced or all(self._complete)
        if changed:
            self.revision = revision
        return tuple(changed)

    def entry(self, type_: str, name: str) -> Entry | None:
        """A resource, or what is remembered of it; None when it is not known."""
        return self._entries[type_].get(name)

    def row(self, type_: str, name: str) -> Row | None:
        """A resource; None when there is none."""
        entry = self._entries[type_].get(name)
        return None if entry is None else entry.row

    def names(self, type_: str) -> list[str]:
        """Every name of a type, the one that changed longest ago first."""
        return [name for name, entry in self._entries[type_].items() if entry.row is not None]

    def changed(self, type_: str) -> int:
        """The revision of the last change to a type."""
        return self._changed[type_]

    def removed(self, type_: str) -> int:
        """The revision of the last removal of a type."""
        return self._removed[type_]

    def changes(self, type_: str, since: int) -> list[str]:
        """The names that changed after that revision, in the order of their last change."""
        names = []
        entries = self._entries[type_]
        for name in reversed(entries):
            if entries[name].changed <= since:
                break
            names.append(name)
        names.reverse()
        return names

    def users(self, key: str) -> frozenset[str] | set[str]:
        """The keys of the resources that need this one."""
        return self._users.get(key, frozenset())

    def sizes(self) -> dict[str, int]:
        """How many resources of each type there are."""
        return {type_: len(entries) - self._dead[type_] for type_, entries in self._entries.items()}

    @property
    def crowded(self) -> bool:
        """Whether it is time to `prune`: so many are gone that remembering them costs more than looking."""
        return sum(self._dead.values()) > TOMBSTONES + sum(self.sizes().values())

    def prune(self, below: Mapping[str, int]) -> None:
        """Forgets, by type, what was gone by that revision: no stream has still to be told.

        Where some stream has, a type is looked through only when twice as many are gone as the last time.
        """
        for type_, entries in self._entries.items():
            at = below[type_]
            if at < self._removed[type_] and self._dead[type_] < 2 * self._pruned[type_]:
                continue
            for name in [n for n, entry in entries.items() if entry.row is None and entry.changed <= at]:
                del entries[name]
                self._dead[type_] -= 1
            self._pruned[type_] = max(self._dead[type_], TOMBSTONES)

    def _elsewhere(self, source: int, key: str) -> Row | None:
        for at, rows in enumerate(self._sources):
            if at != source and key in rows:
                return rows[key]
        return None

    def _bury(self, revision: int) -> list[str]:
        """Deletes what nothing needs any more, and then what only that needed."""
        buried: list[str] = []
        while free := [key for key in self._doomed if key not in self._users]:
            for key in free:
                del self._doomed[key]
                self._delete(key, revision)
            buried += free
        return buried

    def _put(self, key: str, row: Row, revision: int) -> bool:
        self._doomed.pop(key, None)
        type_, name = split(key)
        entries = self._entries[type_]
        entry = entries.get(name)
        if entry is None:
            entry = Entry(row, row, revision, revision)
        elif entry.row == row:
            return False
        else:
            del entries[name]
            if entry.row is None:
                entry.added = revision
                self._dead[type_] -= 1
            else:
                self._unuse(key, entry.row)
        entry.row = entry.last = row
        entry.changed = self._changed[type_] = revision
        entries[name] = entry
        for need in row.needs:
            self._users.setdefault(need, set()).add(key)
        return True

    def _delete(self, key: str, revision: int) -> None:
        type_, name = split(key)
        entry = self._entries[type_].pop(name)
        self._unuse(key, entry.last)
        entry.row = None
        entry.changed = self._changed[type_] = self._removed[type_] = revision
        self._entries[type_][name] = entry
        self._dead[type_] += 1

    def _unuse(self, key: str, row: Row) -> None:
        for need in row.needs:
            users = self._users[need]
            users.discard(key)
            if not users:
                del self._users[need]
