"""The newest object of each reference, and the indexes over them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from translator.derive import Input

# From an object's kind and content to the keys under which an index lists it.
Keys = Callable[[dict[str, Any]], Iterable[str]]
# From an object's content and the facts before (none for a new one) to what is found out about it, by name.
Facts = Callable[[dict[str, Any], Mapping[str, Any]], Mapping[str, Any]]


def kind_of(reference: str) -> str:
    """The kind in a reference `Kind/namespace/name`."""
    return reference.partition("/")[0]


class Store:
    """Objects as the bytes they came in, parsed when somebody reads them: memory stays that of the bytes.

    `indexes` gives for each index the kind that it lists and the keys of one object; `facts` for a kind what
    is found out once, when an object comes, and may rest on what was found out before.
    """

    def __init__(
        self, indexes: Mapping[str, tuple[str, Keys]], facts: Mapping[str, Facts] | None = None
    ) -> None:
        self._bodies: dict[str, bytes] = {}
        self._by_kind: dict[str, list[tuple[str, Keys]]] = {}
        for name, (kind, keys) in indexes.items():
            self._by_kind.setdefault(kind, []).append((name, keys))
        self._indexes: dict[str, dict[str, set[str]]] = {name: {} for name in indexes}
        self._find_out = facts or {}
        self._facts: dict[str, Mapping[str, Any]] = {}

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

    def fact(self, name: str, reference: str) -> Any:  # noqa: ANN401 - of any type
        """What was found out about an object when it came; None where there is none."""
        return self._facts.get(reference, {}).get(name)

    def put(self, reference: str, body: bytes) -> set[Input]:
        """Takes the newest body of an object; returns the inputs that changed with it."""
        before = self._bodies.get(reference)
        if before == body:
            return set()
        self._bodies[reference] = body
        changed = self._reindex(reference, before, body) | {("object", reference)}
        if (find_out := self._find_out.get(kind_of(reference))) is not None:
            changed |= self._know(reference, find_out(_parsed(body), self._facts.get(reference, {})))
        return changed

    def delete(self, reference: str) -> set[Input]:
        """Forgets an object; returns the inputs that changed with it."""
        before = self._bodies.pop(reference, None)
        if before is None:
            return set()
        return self._reindex(reference, before, None) | self._know(reference, {}) | {("object", reference)}

    def _know(self, reference: str, facts: Mapping[str, Any]) -> set[Input]:
        before = self._facts.pop(reference, {})
        if facts:
            self._facts[reference] = facts
        return {
            (name, reference) for name in before.keys() | facts.keys() if before.get(name) != facts.get(name)
        }

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
