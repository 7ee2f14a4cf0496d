"""Candidates before one API server, in a time of our own: messages are late or lost, clocks wrong."""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from tests.watcher.cluster.report.server import Server
from watcher.cluster.answer import Answer
from watcher.cluster.report.lease import Lease
from watcher.cluster.report.request import Request

# As the edge gives up; on the candidate's own clock.
TIMEOUT = 5.0


@dataclass(frozen=True)
class Fate:
    """Of one request: seconds until it arrives and until its answer does; infinite when either is lost."""

    there: float
    back: float


@dataclass(frozen=True)
class Clock:
    """Shows `offset` at the beginning, and goes `rate` seconds in one; `wall` is what it says of the day."""

    offset: float
    rate: float
    wall: int


CALM = Fate(0.01, 0.01)
LOST = Fate(math.inf, math.inf)


class Candidate:
    def __init__(self, name: str, clock: Clock) -> None:
        self.lease = Lease("isoline", "watcher", name, lambda: 0.5)
        self.clock = clock
        self.killed = False
        self.paused = -math.inf  # until then it does nothing
        self.cut = -math.inf  # until then nothing of it arrives

    def now(self, time: float) -> float:
        return self.clock.offset + self.clock.rate * time

    def leads(self, time: float) -> bool:
        return not self.killed and self.lease.leads(self.now(time))


class Election:
    """`fates` are those of the requests in their order; after the last all is calm. `together` are times at
    which two led.
    """

    def __init__(self, clocks: list[Clock], fates: list[Fate]) -> None:
        self.time = 0.0
        self.together: list[float] = []
        self.candidates = [Candidate(f"c{number}", clock) for number, clock in enumerate(clocks)]
        self.server = Server()
        self._fates = fates[::-1]
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        for candidate in self.candidates:
            self._at(0.0, self._tick(candidate))

    def until(self, end: float) -> None:
        while self._events and self._events[0][0] <= end:
            self.time, _, happen = heapq.heappop(self._events)
            happen()
            if sum(candidate.leads(self.time) for candidate in self.candidates) > 1:
                self.together.append(self.time)
        self.time = end

    def calm(self) -> None:
        """From now on no request is lost or late, and those under way have come to their end."""
        self._fates = []
        for candidate in self.candidates:
            candidate.paused = candidate.cut = -math.inf
        self.until(max((time for time, _, _ in self._events), default=self.time))

    def until_asking(self, candidate: Candidate) -> None:
        """Until a request of it is under way, for half a minute at most."""
        end = self.time + 30.0
        while self._events and self.time < end and candidate.lease.deadline < math.inf:
            self.until(self._events[0][0])

    def leaders(self) -> list[Candidate]:
        return [candidate for candidate in self.candidates if candidate.leads(self.time)]

    def _at(self, time: float, happen: Callable[[], None]) -> None:
        if time < math.inf:
            heapq.heappush(self._events, (time, next(self._order), happen))

    def _awake(self, candidate: Candidate, happen: Callable[[], None]) -> Callable[[], None]:
        """As soon as it is not paused; never when it is killed."""

        def then() -> None:
            if candidate.killed:
                return
            if self.time < candidate.paused:
                self._at(candidate.paused, then)
            else:
                happen()

        return then

    def _tick(self, candidate: Candidate) -> Callable[[], None]:
        def tick() -> None:
            now = candidate.now(self.time)
            request = candidate.lease.next(now, candidate.clock.wall + int(now * 1e6))
            if request is None:
                wait = (candidate.lease.deadline - now) / candidate.clock.rate
                self._at(self.time + max(wait, 1e-6), self._tick(candidate))
            else:
                self._send(candidate, request)

        return self._awake(candidate, tick)

    def _send(self, candidate: Candidate, request: Request) -> None:
        fate = self._fates.pop() if self._fates else CALM
        if self.time < candidate.cut:
            fate = LOST
        answered = False

        def arrive() -> None:
            answer = self.server.answer(request)
            if fate.back < math.inf:
                self._at(self.time + fate.back, self._awake(candidate, lambda: take(answer)))

        def take(answer: Answer | None) -> None:
            nonlocal answered
            if not answered:
                answered = True
                candidate.lease.answered(answer, candidate.now(self.time))
                self._at(self.time, self._tick(candidate))

        if fate.there < math.inf:
            self._at(self.time + fate.there, arrive)
        self._at(self.time + TIMEOUT / candidate.clock.rate, self._awake(candidate, lambda: take(None)))
