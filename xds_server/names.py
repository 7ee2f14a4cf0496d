"""The names that a stream is subscribed to."""

from collections.abc import Iterable, Iterator
from weakref import WeakValueDictionary

# Sets that streams share, by their hash.
_shared: WeakValueDictionary[int, frozenset[str]] = WeakValueDictionary()

# Names that came or went one by one, before they are folded into a set that may be shared: every Envoy of a
# fleet names the same 10,000 load assignments, and a set of its own for each would be half a megabyte.
FOLD = 1000


class Names:
    """A set: a large part that is shared with streams like this one, and what differs from it."""

    def __init__(self) -> None:
        self._base: frozenset[str] = frozenset()
        self._more: set[str] = set()
        self._less: set[str] = set()

    def __contains__(self, name: object) -> bool:
        return name in self._more or (name in self._base and name not in self._less)

    def __iter__(self) -> Iterator[str]:
        yield from self._more
        for name in self._base:
            if name not in self._less:
                yield name

    def __len__(self) -> int:
        return len(self._base) + len(self._more) - len(self._less)

    def update(self, names: Iterable[str]) -> None:
        """Adds names."""
        for name in names:
            if name in self._base:
                self._less.discard(name)
            else:
                self._more.add(name)
        self._fold()

    def discard(self, name: str) -> None:
        """Takes a name out, if it is there."""
        self._more.discard(name)
        if name in self._base:
            self._less.add(name)
            self._fold()

    def _fold(self) -> None:
        if len(self._more) + len(self._less) > FOLD:
            self._base = _share(frozenset(self))
            self._more, self._less = set(), set()


def _share(names: frozenset[str]) -> frozenset[str]:
    found = _shared.get(hash(names))
    if found != names:
        found = _shared[hash(names)] = names
    return found
