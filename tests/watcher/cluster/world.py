"""A cluster's cores, their server, and a clock that jumps to whatever is due next."""

import random

import orjson

from runtime.link.row import Row
from tests.watcher.cluster.connection import Connection
from tests.watcher.cluster.store import Store
from watcher.cluster.cluster import Cluster
from watcher.cluster.reflector import Reflector
from watcher.cluster.source import Source


class World:
    """`table` is what was given out, `wrong` what was taken from it though it exists."""

    def __init__(self, sources: list[Source], seed: int) -> None:
        chance = random.Random(seed).random
        self.store = Store()
        self.connections = [Connection(Reflector(each, chance), self.store) for each in sources]
        self.cluster = Cluster([each.reflector for each in self.connections])
        self.table: dict[str, Row] = {}
        self.wrong: list[str] = []
        self.now = 0.0

    def feels(self, mood: str, to: int | None) -> None:
        """The server, to everybody or to one."""
        for number, connection in enumerate(self.connections):
            if to in {None, number}:
                connection.mood, connection.empty = mood, 2

    def wait(self, seconds: float) -> None:
        """Everything happens that is due until then."""
        end = self.now + seconds
        while True:
            for connection in self.connections:
                state, _ = before = _told(connection.reflector)
                connection.step(self.now)
                if _told(connection.reflector) != before or connection.reflector.objects.changed:
                    self.cluster.heard(connection.reflector)
                if state == "failing" and connection.reflector.current:
                    for each in self.connections:
                        each.reflector.hurry(self.now)
            self._give()
            if self.now >= end:
                return
            due = [each.due for each in self.connections]
            waiting = [] if self.cluster.deadline is None else [self.cluster.deadline]
            self.now = max(self.now, min([end, *due, *waiting]))

    def _give(self) -> None:
        batch = self.cluster.batch(self.now)
        if batch is None:
            return
        for ref in batch.deletes & self.table.keys():
            if _uid(self.table.pop(ref)) == self._uid(ref):
                self.wrong.append(ref)
        self.table.update(batch.puts)

    def _uid(self, ref: str) -> object:
        object_ = self.store.objects.get(ref)
        return None if object_ is None else object_["metadata"]["uid"]


def _told(reflector: Reflector) -> tuple[str, str]:
    return reflector.state, reflector.trouble


def _uid(row: Row) -> object:
    return orjson.loads(row.body)["metadata"].get("uid", "none")
