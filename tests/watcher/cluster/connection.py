"""One source, and a server that answers it as its mood is; the clock is a number."""

from dataclasses import dataclass
from typing import Final

from tests.watcher.cluster import bodies
from tests.watcher.cluster.store import ExpiredError, Store
from watcher.cluster.question import Question
from watcher.cluster.reflector import Reflector

# What the server does instead of answering well.
REFUSALS: Final = {
    "gone": (410, None),
    "throttles": (429, 2.0),
    "unavailable": (503, None),
    "too large a version": (504, 1.0),
    "forbidden": (403, None),
}
ERRORS: Final = {
    "garbage": b"<html>\n",
    "error event": bodies.error(500, "internal"),
    "gone event": bodies.error(410, "too old"),
}
MOODS: Final = (
    "well",
    "unreachable",
    "hangs",
    "mute",
    "cuts",
    "cuts lists",
    "ends at once",
    "ends after a bookmark",
    "refuses watches",
    "knows no versions",
    "lost its objects",
    "offers no streams",
    "ignores sendInitialEvents",
    "says all twice",
    "says the newest first",
    *REFUSALS,
    *ERRORS,
)
PAGE: Final = 2  # a server may give fewer than it is asked for


@dataclass
class _Stream:
    """An answer that goes on; `position` is the version that it has come to, `end` when the server ends it.
    `mute`: half of it is gone, and only `deadline` helps.
    """

    position: int
    end: float
    deadline: float
    mute: bool = False


class Connection:
    """`mood` is the server's, `asked` the number of its requests."""

    def __init__(self, reflector: Reflector, store: Store) -> None:
        self.reflector = reflector
        self.mood = "well"
        self.asked = 0
        self.empty = 0
        """Lists that are empty, in the mood for that; three would be believed."""
        self._store = store
        self._about = reflector.source.kind.name, reflector.source.selector.get("fieldSelector", "")
        self._stream: _Stream | None = None
        self._hangs: float | None = None

    @property
    def due(self) -> float:
        """When something happens by itself."""
        if self._hangs is not None:
            return self._hangs
        return self.reflector.due if self._stream is None else self._end(self._stream)

    def step(self, now: float) -> None:
        """All that happens now."""
        if self._hangs is not None and now >= self._hangs:
            self._hangs = None
            self.reflector.late(now)
        if self._stream is not None:
            self._go_on(self._stream, now)
        while self._stream is None and self._hangs is None:
            if (question := self.reflector.question(now)) is None:
                return
            self.asked += 1
            assert self.asked <= 30 + 4 * now, "the server is asked in circles"
            self._answer(question, now)

    def _end(self, stream: _Stream) -> float:
        return self._patience(stream.deadline if stream.mute else stream.end)

    def _patience(self, end: float) -> float:
        patience = self.reflector.patience
        return end if patience is None else min(end, patience)

    def _answer(self, question: Question, now: float) -> None:
        query = question.query
        if self.mood in REFUSALS:
            status, retry_after = REFUSALS[self.mood]
            self.reflector.refused(status, self.mood, retry_after, now)
        elif self.mood == "refuses watches" and "resourceVersion" in query:
            self.reflector.refused(500, self.mood, None, now)
        elif self.mood == "offers no streams" and "sendInitialEvents" in query:
            self.reflector.refused(422, self.mood, None, now)
        elif self.mood == "unreachable":
            self.reflector.lost(self.mood, now)
        elif self.mood == "hangs":
            self._hangs = self._patience(now + question.seconds)
        elif question.watch:
            self._open(question, now)
        else:
            self._page(int(query.get("limit", 0)), query.get("continue", ""), now)

    def _page(self, limit: int, token: str, now: float) -> None:
        kind, selector = self._about
        try:
            version, items, token = self._store.page(kind, selector, min(limit, PAGE), token)
        except ExpiredError:
            self.reflector.refused(410, "the token is too old", None, now)
            return
        if self.mood == "cuts":
            self.reflector.lost(self.mood, now)
        elif self.mood in ERRORS:
            self.reflector.page(ERRORS[self.mood], now)
        elif self.mood == "knows no versions":
            self.reflector.page(bodies.page(*items, version=0), now)
        elif self._forgets():
            self.reflector.page(bodies.page(version=version), now)
        else:
            self.reflector.page(bodies.page(*items, version=version, token=token), now)

    def _forgets(self) -> bool:
        """Towards who knows of some: anybody else has no reason to doubt it."""
        self.empty -= 1
        return self.mood == "lost its objects" and self.empty >= 0 and len(self.reflector.objects) > 0

    def _open(self, question: Question, now: float) -> None:
        self.reflector.opened(now)
        position = int(question.query.get("resourceVersion", self._store.version))
        end = now + int(question.query["timeoutSeconds"])
        self._stream = _Stream(position, end, now + question.seconds)
        if "sendInitialEvents" in question.query and self.mood != "mute":
            self._list(now)
        if self._stream is not None:
            self._go_on(self._stream, now)

    def _list(self, now: float) -> None:
        items = [] if self._forgets() else self._store.listed(*self._about)
        self._say(b"".join(map(bodies.added, items)), now)
        if self.mood not in {"ignores sendInitialEvents", "cuts", "cuts lists", "ends at once"}:
            self._say(bodies.whole(0 if self.mood == "knows no versions" else self._store.version), now)

    def _say(self, text: bytes, now: float) -> None:
        if self._stream is not None and text and not self.reflector.feed(text, now):
            self._stream = None

    def _go_on(self, stream: _Stream, now: float) -> None:
        stream.mute = stream.mute or self.mood in {"mute", "hangs"}
        if now >= self._end(stream):
            self._stream = None
            late = stream.mute or now < stream.end
            (self.reflector.late if late else self.reflector.ended)(now)
        elif not stream.mute:
            self._say(self._news(stream), now)
            lists = self.reflector.patience is not None
            if self._stream is not None and (
                self.mood in {"unreachable", "cuts"} or (self.mood == "cuts lists" and lists)
            ):
                self._stream = None
                self.reflector.lost(self.mood, now)
            elif self._stream is not None and self.mood in {"ends at once", "ends after a bookmark"}:
                self._stream = None
                self.reflector.ended(now)

    def _news(self, stream: _Stream) -> bytes:
        if self.mood in ERRORS:
            return ERRORS[self.mood]
        try:
            events = self._store.since(stream.position, *self._about)
        except ExpiredError:
            return bodies.error(410, "too old")
        stream.position = self._store.version
        lines = [bodies.line(type_, object_) for type_, object_ in events]
        match self.mood:
            case "says all twice":
                lines = [line for line in lines for _ in range(2)]
            case "says the newest first":
                lines.reverse()
            case "ends after a bookmark":
                lines.append(bodies.bookmark(self._store.version))
        text = b"".join(lines)
        return text[: len(text) // 2] if self.mood == "cuts" else text
