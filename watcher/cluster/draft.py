"""A list that is not whole yet."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from watcher.cluster.line import Line
from watcher.cluster.objects import Entry, Objects

PAGE: Final = 500


class Draft:
    """Comes as a `stream`, or in pages: `token` is that of the next one, `limit` the objects of each, 0 for
    all in one.
    """

    def __init__(self, objects: Objects, *, stream: bool = False, limit: int = PAGE) -> None:
        self.entries: dict[str, Entry] = {}
        self.stream = stream
        self.token = ""
        self.limit = limit
        self._objects = objects

    @property
    def query(self) -> dict[str, str]:
        """How its next page is asked for."""
        query = {"limit": str(self.limit) if self.limit else "", "continue": self.token}
        return {name: value for name, value in query.items() if value}

    def add(self, bodies: Iterable[Mapping[str, Any]]) -> None:
        """Takes a page."""
        for body in bodies:
            if (entry := self._objects.entry(body)) is not None:
                self.entries[entry.ref] = entry

    def take(self, found: Line) -> bool:
        """Takes a line of a stream; whether that was the last."""
        if found.type == "DELETED":
            if (entry := self._objects.entry(found.object)) is not None:
                self.entries.pop(entry.ref, None)
        elif found.type != "BOOKMARK":
            self.add([found.object])
        return found.whole
