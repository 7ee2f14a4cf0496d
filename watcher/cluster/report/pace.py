"""How often one object may be written: somebody else may write the same field, each after the other."""

import math
from dataclasses import dataclass
from typing import Final

# So many times in a row an object is written at once; each further time, until it is left alone for a minute,
# waits twice as long as the one before. Two controllers that want different addresses would else go on by
# milliseconds.
FREE: Final = 5
FIRST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 60.0
# Objects that are remembered before those that were left alone are forgotten.
REMEMBERED: Final = 1000


@dataclass(frozen=True, slots=True)
class _Written:
    count: int
    at: float
    until: float


class Pace:
    """`now` is any clock in seconds."""

    def __init__(self) -> None:
        self._written: dict[str, _Written] = {}

    def wrote(self, ref: str, now: float) -> bool:
        """An object has been written. Returns whether from now on it is written more slowly, which is
        news.
        """
        before = self._written.get(ref)
        count = 1 if before is None or now >= before.until + LONGEST_SECONDS else before.count + 1
        pause = 0.0 if count < FREE else min(FIRST_SECONDS * 2.0 ** min(count - FREE, 10), LONGEST_SECONDS)
        self._written[ref] = _Written(count, now, now + pause)
        if len(self._written) > REMEMBERED:
            recent = now - 2 * LONGEST_SECONDS
            self._written = {each: one for each, one in self._written.items() if one.at > recent}
        return count == FREE

    def until(self, ref: str) -> float:
        """Before this an object is not to be written again."""
        written = self._written.get(ref)
        return -math.inf if written is None else written.until

    def clear(self) -> None:
        """All may be written at once."""
        self._written.clear()
