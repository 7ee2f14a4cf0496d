"""From the objects that wait to the requests that are sent: one at a time, made when it can be sent."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from watcher.cluster.answer import Answer
from watcher.cluster.report.outbox import Outbox
from watcher.cluster.report.request import Request, Script

# So many objects are compared in one go; where nothing is to be written, a whole cluster of them may wait.
LOOKS = 100


@dataclass(frozen=True, slots=True)
class Refusal:
    """An object that could not be written, and why not, in the API server's words."""

    ref: str
    message: str


class Delivery:
    """`write` gives the requests for one object (also told `now`, and the time of day in microseconds), `due`
    when it is to be looked at again although nothing has changed, None for never.

    One request at a time: `next`, then, unless all is to be forgotten by `clear`, `answered`.
    """

    def __init__(
        self, outbox: Outbox, write: Callable[[str, float, int], Script], due: Callable[[str], float | None]
    ) -> None:
        self.outbox = outbox
        self._write = write
        self._due = due
        self._ref = ""
        self._script: Script | None = None  # of that object, where a request of it is under way
        self._follows: Request | None = None  # from the last answer

    @property
    def deadline(self) -> float:
        """When `next` may have something."""
        return self.outbox.deadline if self._script is None else -math.inf

    def next(self, now: float, wall: int) -> Request | None:
        """What is to be sent now."""
        request, self._follows = self._follows, None
        for _ in range(LOOKS):
            if request is not None:
                self.outbox.spend(now)
                return request
            ref = self.outbox.next(now)
            if ref is None:
                break
            request = self._look(ref, now, wall)
        return None

    def answered(self, answer: Answer | None, now: float) -> Refusal | None:
        """Takes the answer to the last request, None when none has come; tells what is worth a line."""
        if self._script is None:
            return None
        if answer is None:
            self._script = None
            self.outbox.settle(self._ref, "unreachable", now)
            return None
        try:
            self._follows = self._script.send(answer)
        except StopIteration as stop:
            return self._settle(stop.value, now)
        return None

    def clear(self) -> None:
        """Nothing waits any more; what is under way stays so, its answer means nothing."""
        self.outbox.clear()
        self._script = self._follows = None

    def _look(self, ref: str, now: float, wall: int) -> Request | None:
        script = self._write(ref, now, wall)
        try:
            request = next(script)
        except StopIteration:
            self.outbox.settle(ref, "equal", now)
            self._await(ref)
            return None
        self._ref, self._script = ref, script
        return request

    def _settle(self, decisive: Answer | None, now: float) -> Refusal | None:
        self._script = None
        outcome = "done" if decisive is None else decisive.outcome
        retry_after = 0.0 if decisive is None else decisive.retry_after or 0.0
        told = self.outbox.settle(self._ref, outcome, now, retry_after)
        self._await(self._ref)
        return Refusal(self._ref, decisive.message) if told and decisive is not None else None

    def _await(self, ref: str) -> None:
        due = self._due(ref)
        if due is not None:
            self.outbox.add_later(ref, due)
