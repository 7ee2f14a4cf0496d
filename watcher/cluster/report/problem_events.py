"""Which Events tell the owners of objects what the translators found wrong with them."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from runtime.link.row import Row
from watcher.cluster.answer import Answer
from watcher.cluster.report.event import Event, Regarding
from watcher.cluster.report.request import Request, Script
from watcher.cluster.shape import text
from watcher.kinds import READ

# API servers drop an Event an hour after it was written last (`--event-ttl`); while the problem stands it is
# told again well before.
REPEAT_SECONDS: Final = 1800.0
KEPT_SECONDS: Final = 3600.0
# An object's owner reads no more; the last says how many there are.
MOST: Final = 10


@dataclass(frozen=True, slots=True)
class _Told:
    """An Event that there should be: `count` is how often it was told, by what we know. While its problem
    `stands`, `due` is when it is told again; afterwards, when it is gone.
    """

    count: int
    due: float
    stands: bool = True


class ProblemEvents:
    """Compares the problems of each object with the Events that were made of them. `rows` are the objects,
    `tables` the statuses that the translators publish; both are read when they are needed.

    Another leader, or we before a restart, may have told some already. So what stands when a term begins is
    told only if the API server has no such Event; what comes up later is news in any case.
    """

    def __init__(self, rows: Mapping[str, Row], tables: Sequence[Mapping[str, Row]], reporter: str) -> None:
        self._rows = rows
        self._tables = tables
        self._reporter = reporter
        self._told: dict[str, tuple[str, dict[str, _Told]]] = {}  # object → its uid, the Events by name
        self._old: set[str] = set()  # not looked at since the term began

    def begin(self) -> Iterable[str]:
        """A term begins; answers the objects that are to be looked at."""
        self._told = {}
        self._old = {ref for table in self._tables for ref in table if ref.partition("/")[0] in READ}
        return self._old

    def concerns(self, ref: str) -> bool:
        """Whether there was or is anything to tell of an object."""
        return ref in self._told or (
            ref.partition("/")[0] in READ and any(ref in table for table in self._tables)
        )

    def due(self, ref: str) -> float | None:
        """When an object is to be looked at again although nothing has changed."""
        _, told = self._told.get(ref, ("", {}))
        return min((one.due for one in told.values()), default=None)

    def write(self, ref: str, now: float, wall: int) -> Script:
        """Tells of one object what is not told yet."""
        term, old = self._told, self._old  # another may begin meanwhile
        regarding = self._regarding(ref)
        if regarding is None:
            term.pop(ref, None)
            old.discard(ref)
            return None
        uid, told = term.get(ref, ("", {}))
        told = told if uid == regarding.uid else {}
        term[ref] = regarding.uid, told
        events = {event.name: event for event in _events(regarding, self._problems(ref))}
        ended = {name for name, one in told.items() if one.stands and name not in events}
        news = list(events.values())
        if ended and not events:
            news.append(Event(regarding, "Normal", "Resolved", self._resolution(ref)))
        for event in news:
            one = told.get(event.name)
            if one is not None and one.stands and now < one.due:
                continue
            count = 0 if one is None else one.count
            failure, count = yield from self._tell(event, count, wall, known=ref in old)
            if failure is not None:
                return failure
            stands = event.name in events
            told[event.name] = _Told(count, now + (REPEAT_SECONDS if stands else KEPT_SECONDS), stands)
        for name in ended:
            told[name] = _Told(told[name].count, now + KEPT_SECONDS, stands=False)
        for name in [name for name, one in told.items() if not one.stands and now >= one.due]:
            del told[name]
        if not told:
            del term[ref]
        old.discard(ref)
        return None

    def _tell(
        self, event: Event, count: int, wall: int, *, known: bool
    ) -> Generator[Request, Answer, tuple[Answer | None, int]]:
        """The answer that kept us from it, or None; and how often the Event has been told by now. Reading how
        often others have told it would take one more right.
        """
        if not count:
            answer = yield event.create(self._reporter, wall)
            if answer.outcome != "conflict":
                return _failure(answer), 1
            if known:
                return None, 1
            count = 1
        answer = yield event.repeat(count + 1, wall)
        if answer.status == 404:
            answer, count = (yield event.create(self._reporter, wall)), 0
        return _failure(answer), count + 1

    def _regarding(self, ref: str) -> Regarding | None:
        """None for an object that is gone, or was never there: a translator may name one that is missing. And
        for one without uid, which no API server sends.
        """
        row = self._rows.get(ref)
        if row is None:
            return None
        body = orjson.loads(row.body)
        uid = text(body["metadata"].get("uid"))
        _, namespace, name = ref.split("/")
        return Regarding(body["apiVersion"], body["kind"], namespace, name, uid) if uid else None

    def _resolution(self, ref: str) -> str:
        """Of an Ingress there is a row as long as it is ours."""
        if ref.startswith("Ingress/") and not any(ref in table for table in self._tables):
            return "it is of another class now, so isoline neither checks nor serves it"
        return "nothing is wrong with it any more"

    def _problems(self, ref: str) -> list[dict[str, Any]]:
        rows = (table.get(ref) for table in self._tables)
        return [problem for row in rows if row is not None for problem in orjson.loads(row.body)["problems"]]


def _events(regarding: Regarding, problems: Iterable[Mapping[str, Any]]) -> list[Event]:
    """What is told of these problems, errors first. Several translators may have found the same."""
    ordered = sorted(problems, key=lambda problem: problem["severity"] != "error")
    events = list(
        dict.fromkeys(
            Event(regarding, "Warning", problem["reason"], problem["message"], problem["field"])
            for problem in ordered
        )
    )
    if len(events) <= MOST:
        return events
    more = len(events) - MOST + 1
    return [*events[: MOST - 1], Event(regarding, "Warning", "MoreProblems", f"{more} more problems")]


def _failure(answer: Answer) -> Answer | None:
    return None if answer.outcome == "done" else answer
