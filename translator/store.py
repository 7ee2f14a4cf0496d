"""The newest object of each reference, and the indexes over them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from translator.derive import Input

# From an object's kind and content to the keys under which an index lists it.
Keys = Callable[[dict[str, Any]], Iterable[str]]


def kind_of(reference: str) -> str:
    """The kind in a reference `Kind/namespace/name`."""
    return reference.partition("/")[0]


class Store:
    """Objects as the bytes they came in, parsed when somebody reads them: memory stays that of the bytes.

    `indexes` gives for each index the kind that it lists and the keys of one object.
    """

    def __init__(self, indexes: Mapping[str, tuple[str, Keys]]) -> None:
        self._bodies: dict[str, bytes] = {}
        self._by_kind: dict[str, list[tuple[str, Keys]]] = {}
        for name, (kind, keys) in indexes.items():
            self._by_kind.setdefault(kind, []).append((name, keys))
        self._indexes: dict[str, dict[str, set[str]]] = {name: {} for name in indexes}

    def __len__(self) -> int:
        return len(self._bodies)

    def __contains__(self, reference: str) -> bool:
        return reference in self._bodies

    def object(self, reference: str) -> dict[str, Any] | None:
        """The object, parsed afresh; None where there is none."""
        body = self._bodies.get(reference)
        return None if body is None else _parsed(body)

    def index(self, name: str, key: str) -> tuple[str, ...]:
        """The references under that key, sorted."""
        return tuple(sorted(self._indexes[name].get(key, ())))

    def put(self, reference: str, body: bytes) -> set[Input]:
        """Takes the newest body of an object; returns the inputs that changed with it."""
        before = self._bodies.get(reference)
        if before == body:
            return set()
        self._bodies[reference] = body
        return self._reindex(reference, before, body) | {("object", reference)}

    def delete(self, reference: str) -> set[Input]:
        """Forgets an object; returns the inputs that changed with it."""
        before = self._bodies.pop(reference, None)
        if before is None:
            return set()
        return self._reindex(reference, before, None) | {("object", reference)}

    def _reindex(self, reference: str, before: bytes | None, after: bytes | None) -> set[Input]:
        changed: set[Input] = set()
        indexes = self._by_kind.get(kind_of(reference))
        if not indexes:
            return changed
        old = None if before is None else _parsed(before)
        new = None if after is None else _parsed(after)
        for name, keys in indexes:
            entries = self._indexes[name]
            was = set() if old is None else set(keys(old))
            now = set() if new is None else set(keys(new))
            for key in was - now:
                entries[key].discard(reference)
                if not entries[key]:
                    del entries[key]
            for key in now - was:
                entries.setdefault(key, set()).add(reference)
            changed.update((name, key) for key in was ^ now)
        return changed


def _parsed(body: bytes) -> dict[str, Any]:
    value = orjson.loads(body)
    return value if isinstance(value, dict) else {}
