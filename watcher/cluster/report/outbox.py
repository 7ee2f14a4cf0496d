"""Objects that wait to be written, and when the next may be tried."""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from watcher.cluster.answer import Outcome
from watcher.cluster.backoff import Backoff
from watcher.cluster.report.bucket import Bucket

# After an object is refused, or another was quicker again and again; doubled each time. When a rule of RBAC
# is missing, a namespace waits so, and one object of it is tried; an API server that has just started says
# the same for a moment.
FIRST_SECONDS: Final = 1.0
RARELY_SECONDS: Final = 300.0
# 2 to the power of this is beyond that.
DOUBLINGS: Final = 10


@dataclass(frozen=True, slots=True)
class _Bar:
    """Until when nothing of a namespace is tried, after so many tries that a rule is missing for."""

    until: float
    tries: int


class Outbox:
    """One entry an object, however often it is added: what is written is decided when it can be sent.

    `next`, then for each request `spend`, then `settle`. `now` is any clock in seconds. `chance` gives
    numbers from 0 to 1.
    """

    def __init__(self, bucket: Bucket, chance: Callable[[], float]) -> None:
        self._bucket = bucket
        self._chance = chance
        self._ready: OrderedDict[str, None] = OrderedDict()  # whoever waits longest is first
        self._later: dict[str, float] = {}  # object → when it becomes ready
        self._earliest = math.inf  # none of those before this
        self._tries: dict[str, int] = {}
        self._barred: dict[str, _Bar] = {}  # by namespace
        self._written = 0
        self._failed: dict[str, int] = {}  # object → what had been written when the API server last failed
        self._backoff = Backoff(chance)
        self._pause = -math.inf

    @property
    def deadline(self) -> float:
        """When `next` may have something."""
        first = -math.inf if self._ready else self._earliest
        return max(first, self._pause, self._bucket.due)

    def add(self, refs: Iterable[str]) -> None:
        """These are to be looked at as soon as may be."""
        for ref in refs:
            self._later.pop(ref, None)
            self._ready.setdefault(ref)

    def add_later(self, ref: str, due: float) -> None:
        """This is to be looked at then, if not before."""
        if ref not in self._ready:
            due = min(due, self._later.get(ref, math.inf))
            self._later[ref] = due
            self._earliest = min(self._earliest, due)

    def clear(self) -> None:
        """Nothing waits any more, and all may be tried at once."""
        self._ready.clear()
        self._later.clear()
        self._tries.clear()
        self._barred.clear()
        self._failed.clear()
        self._earliest, self._pause = math.inf, -math.inf

    def next(self, now: float) -> str | None:
        """The object to be written now."""
        if now < max(self._pause, self._bucket.due):
            return None
        if now >= self._earliest:
            self.add([ref for ref, due in self._later.items() if now >= due])
            self._earliest = min(self._later.values(), default=math.inf)
        while self._ready:
            ref, _ = self._ready.popitem(last=False)
            bar = self._barred.get(_namespace(ref))
            if bar is None or now >= bar.until:
                return ref
            self.add_later(ref, bar.until)
        return None

    def spend(self, now: float) -> None:
        """A request is sent."""
        self._bucket.spend(now)

    def settle(
        self,
        ref: str,
        outcome: Outcome | Literal["unreachable", "equal"],
        now: float,
        retry_after: float = 0.0,
    ) -> bool:
        """What became of an object: `equal` when nothing had to be written. Returns whether it is worth a
        line: the first time that this object is refused, its namespace for want of a rule, or that the API
        server fails.

        An API server that fails is left alone by all, unless it wrote others since it failed for this object:
        then that is what it fails for, as if it refused it.
        """
        if outcome in ("busy", "unreachable"):
            self._rest(ref, now, retry_after)
            return False
        if outcome == "failed" and self._failed.get(ref, self._written) == self._written:
            first = not self._failed
            self._failed[ref] = self._written
            self._rest(ref, now, retry_after)
            return first
        if outcome in ("done", "gone", "equal"):
            self._failed.pop(ref, None)
        if outcome == "equal":
            self._tries.pop(ref, None)
            return False
        if outcome == "forbidden":
            return self._bar(ref, now)
        self._barred.pop(_namespace(ref), None)
        if outcome in ("done", "gone"):
            self._written += outcome == "done"
            self._tries.pop(ref, None)
            return False
        tries = self._tries.get(ref, 0)
        self._tries[ref] = tries + 1
        self.add_later(ref, now + self._delay(tries))
        return outcome in ("refused", "failed") and tries == 0

    def status(self) -> dict[str, Any]:
        """For /debug/status."""
        return {
            "ready": len(self._ready),
            "later": len(self._later),
            "refused": len(self._tries),
            "forbidden_namespaces": sorted(self._barred),
        }

    def _rest(self, ref: str, now: float, retry_after: float) -> None:
        """Nothing is written for a while; then the others come first."""
        asked = now + min(retry_after, RARELY_SECONDS)
        self._pause = max(self._backoff.failed(now), asked)
        self.add([ref])

    def _bar(self, ref: str, now: float) -> bool:
        """A rule of RBAC holds for a namespace or for all of them."""
        # A namespace that nobody has asked for since is forgotten.
        self._barred = {name: bar for name, bar in self._barred.items() if now < bar.until + RARELY_SECONDS}
        old = self._barred.get(_namespace(ref))
        tries = 0 if old is None else old.tries
        bar = self._barred[_namespace(ref)] = _Bar(now + self._delay(tries), tries + 1)
        self.add_later(ref, bar.until)
        return old is None

    def _delay(self, tries: int) -> float:
        longest = min(FIRST_SECONDS * 2.0 ** min(tries, DOUBLINGS), RARELY_SECONDS)
        return longest * (0.5 + 0.5 * self._chance())


def _namespace(ref: str) -> str:
    return ref.split("/")[1]
