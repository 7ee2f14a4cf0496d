"""The objects of one source, and which event about them is news."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from runtime.link.row import Row
from watcher.kinds import InvalidError, Kind, reduced

# Deleted objects whose late events are known as such.
REMEMBERED: Final = 1024

# Raises InvalidError for an object that no API server would send.
Fact = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """An object as it is kept; `row` is None when nobody could use it. `number` is its version (-1: no
    number).

    Versions of one resource are ordered (KEP-5504); here that only tells what is late from what is new.
    """

    ref: str
    row: Row | None
    fact: Any
    number: int


class Objects:
    """`rows` by reference, `facts` about the same objects; `changed` are those that are another since it was
    last cleared. `origin` is that of all rows.
    """

    def __init__(self, kind: Kind, origin: str, fact: Fact | None) -> None:
        self.rows: dict[str, Row] = {}
        self.facts: dict[str, Any] = {}
        self.changed: set[str] = set()
        self._kind = kind
        self._origin = origin
        self._fact = fact
        self._numbers: dict[str, int] = {}
        self._gone: dict[str, int] = {}

    def entry(self, body: Mapping[str, Any]) -> Entry | None:
        """What is kept of an object; None for what no API server would send."""
        try:
            kept = reduced(self._kind, body)
            ref = kept[0] if kept is not None else _reference(self._kind, body)
            # Copied, since what orjson returns keeps the 4 KiB that it began with.
            text = bytes(memoryview(orjson.dumps(kept[1]))) if kept is not None else None
            fact = self._fact(body) if self._fact is not None else None
        except (InvalidError, KeyError, TypeError):  # orjson's JSONEncodeError too: it nests too deep
            return None
        row = Row.of(text, origin=self._origin) if text is not None else None
        return Entry(ref, row, fact, _number(body["metadata"].get("resourceVersion")))

    def put(self, entry: Entry) -> None:
        """Takes an object that was added or changed, unless a newer event about it has been taken."""
        if self._late(entry):
            return
        self._set(entry)

    def delete(self, entry: Entry) -> None:
        """Takes that an object was deleted, unless a newer event about it has been taken."""
        if self._late(entry):
            return
        self._drop(entry.ref)
        self._gone.pop(entry.ref, None)
        self._gone[entry.ref] = entry.number
        if len(self._gone) > REMEMBERED:
            del self._gone[next(iter(self._gone))]

    def replace(self, entries: Iterable[Entry]) -> None:
        """Takes a whole list: what isn't in it is gone."""
        listed = {entry.ref: entry for entry in entries}
        self._gone.clear()
        for ref in self._numbers.keys() - listed.keys():
            self._drop(ref)
        for entry in listed.values():
            self._set(entry)

    def __len__(self) -> int:
        return len(self._numbers)

    def _late(self, entry: Entry) -> bool:
        known = self._numbers.get(entry.ref)
        if known is not None:
            return 0 <= entry.number < known
        return 0 <= entry.number <= self._gone.get(entry.ref, -1)

    def _set(self, entry: Entry) -> None:
        ref = entry.ref
        self._numbers[ref] = entry.number
        if entry.row is not None and self.rows.get(ref) != entry.row:
            self.rows[ref] = entry.row
            self.changed.add(ref)
        elif entry.row is None and self.rows.pop(ref, None) is not None:
            self.changed.add(ref)
        if self._fact is not None and (ref not in self.facts or self.facts[ref] != entry.fact):
            self.facts[ref] = entry.fact
            self.changed.add(ref)

    def _drop(self, ref: str) -> None:
        self._numbers.pop(ref, None)
        had = self.rows.pop(ref, None) is not None
        if self.facts.pop(ref, None) is not None or had:
            self.changed.add(ref)


def _reference(kind: Kind, body: Mapping[str, Any]) -> str:
    metadata = body["metadata"]
    return f"{kind.name}/{metadata.get('namespace') or ''}/{metadata['name']}"


def _number(version: object) -> int:
    # 20 digits are 64 bits, as etcd counts; Python refuses to read some thousands.
    if isinstance(version, str) and version.isascii() and version.isdigit() and len(version) <= 20:
        return int(version)
    return -1
