"""Objects whose status somebody else writes, too, each after the other, until one of the two is slower."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from watcher.cluster.report.written import Written

# Before a value that was overwritten twice is written once more; doubled each time. What stood for as long as
# the longest is no contest.
FIRST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 300.0
# 2 to the power of this is beyond that.
DOUBLINGS: Final = 10


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A value was written again that somebody else had overwritten. `others` are the managers of the status
    by then; `news` when it is worth a line, which is once an object.
    """

    ref: str
    others: tuple[str, ...]
    news: bool


@dataclass(frozen=True, slots=True)
class _Last:
    """What was written of an object, `over` which version of it and when, and how often the same before.
    `lost`: it has been seen overwritten, and is written again from `until` on.
    """

    uid: str
    value: bytes
    over: str
    at: float
    rewrites: int
    told: bool
    lost: bool = False
    until: float = 0.0


class Contests:
    """Slows down what is written again and again, and nothing else: another value may be written at once.

    `rewrites` are those since it was last cleared. `now` is any clock in seconds, `chance` gives numbers from
    0 to 1.
    """

    def __init__(self, chance: Callable[[], float]) -> None:
        self.rewrites: list[Rewrite] = []
        self._chance = chance
        self._last: dict[str, _Last] = {}

    def until(self, ref: str, value: bytes, actual: Written, now: float) -> float:
        """From when on a value may be written over what there actually is, which is another."""
        last = self._of(ref, actual)
        # What it was written over comes late; no one else can have written between.
        if last is None or last.value != value or last.over == actual.version:
            return now
        if not last.lost:
            rewrites = last.rewrites if now < last.at + LONGEST_SECONDS else 0
            last = replace(last, lost=True, rewrites=rewrites, until=last.at + self._pause(rewrites))
            self._last[ref] = last
        return last.until

    def wrote(self, ref: str, value: bytes, actual: Written, now: float) -> None:
        """Takes that a value was written over that."""
        last = self._of(ref, actual)
        told = last is not None and last.told
        rewrites = 0
        if last is not None and last.lost and last.value == value:
            rewrites = last.rewrites + 1
            news = rewrites > 1 and not told
            told = told or news
            self.rewrites.append(Rewrite(ref, actual.others, news))
        self._last[ref] = _Last(actual.uid, value, actual.version, now, rewrites, told)

    def stands(self, ref: str, now: float) -> None:
        """Takes that what there is is what is wanted, whoever wrote it."""
        last = self._last.get(ref)
        if last is not None and last.lost:
            self._last[ref] = replace(last, lost=False, at=now)

    def forget(self, ref: str) -> None:
        """The object is gone."""
        self._last.pop(ref, None)

    def clear(self) -> None:
        """Nothing has been written."""
        self._last.clear()

    def _of(self, ref: str, actual: Written) -> _Last | None:
        """None when it was written to another object of that name."""
        last = self._last.get(ref)
        return last if last is not None and last.uid == actual.uid else None

    def _pause(self, rewrites: int) -> float:
        if not rewrites:
            return 0.0
        longest = min(FIRST_SECONDS * 2.0 ** min(rewrites - 1, DOUBLINGS), LONGEST_SECONDS)
        return longest * (0.5 + 0.5 * self._chance())
