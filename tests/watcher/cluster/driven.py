"""A reflector whose clock, chance and server are the test's."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from runtime.link.row import Row
from tests.watcher.cluster import bodies
from watcher.cluster.question import Question
from watcher.cluster.reflector import Reflector
from watcher.cluster.source import Source, path
from watcher.kinds import READ


def source(kind: str, **more: object) -> Source:
    """Of all namespaces, unless `namespace` names one."""
    return Source(READ[kind], path(READ[kind], more.get("namespace", "")), **more)


SERVICES = source("Service")
DELEGATIONS = source("TLSCertificateDelegation")


class Driven:
    """`now` is moved by `ask`, up to when the reflector is due, and by `later`. `chance` is the middle."""

    def __init__(self, of: Source = SERVICES, fact: Callable[[Mapping[str, Any]], Any] | None = None) -> None:
        self.chance = 0.5
        self.reflector = Reflector(of, lambda: self.chance, fact)
        self.now = 1000.0

    def ask(self) -> Question:
        """What is asked as soon as it may be."""
        self.now = max(self.now, self.reflector.due)
        question = self.reflector.question(self.now)
        assert question is not None
        return question

    @property
    def waits(self) -> float:
        """Seconds from now until the next request."""
        return round(max(self.reflector.due - self.now, 0.0), 3)

    def later(self, seconds: float) -> None:
        self.now += seconds

    def opens(self, *lines: bytes) -> bool:
        """The answer is a stream that begins with these; whether it is read on."""
        self.reflector.opened(self.now)
        return self.says(*lines)

    def says(self, *lines: bytes) -> bool:
        """More of the stream; whether it is read on."""
        return not lines or self.reflector.feed(b"".join(lines), self.now)

    def ends(self) -> None:
        self.reflector.ended(self.now)

    def pages(self, *items: bodies.Body, version: int | str = 1, token: str = "") -> None:
        """The answer is a page of a list."""
        self.reflector.page(bodies.page(*items, version=version, token=token), self.now)

    def refuses(self, status: int, message: str = "", retry_after: float | None = None) -> None:
        self.reflector.refused(status, message, retry_after, self.now)

    def breaks(self, reason: str = "connection reset") -> None:
        """The connection, before the answer or within."""
        self.reflector.lost(reason, self.now)

    def is_late(self) -> None:
        self.reflector.late(self.now)

    def lists(self, *items: bodies.Body, version: int) -> None:
        """Asks for a list, which comes as a stream; it is a watch from then on."""
        assert "sendInitialEvents" in self.ask().query
        assert self.opens(*map(bodies.added, items), bodies.whole(version))

    @property
    def rows(self) -> dict[str, Row]:
        return self.reflector.objects.rows

    @property
    def ports(self) -> dict[str, int]:
        """Of the Services that are held, by name."""
        return {ref.rpartition("/")[2]: port(row) for ref, row in self.rows.items()}


def port(row: Row) -> int:
    """The first of a Service."""
    found: int = orjson.loads(row.body)["spec"]["ports"][0]["port"]
    return found


def in_pages(of: Source = SERVICES) -> Driven:
    """Of a server that sends no lists as streams; its first page is asked for."""
    driven = Driven(of)
    driven.ask()
    driven.refuses(422, "sendInitialEvents is forbidden")
    driven.ask()
    return driven


def watching(*items: bodies.Body, version: int, of: Source = SERVICES) -> Driven:
    """These are listed, and watched on from that version."""
    driven = Driven(of)
    driven.lists(*items, version=version)
    return driven
