"""Whether a list is asked for as a stream (WatchList, KEP-3157), or in pages."""

import math
from typing import Final

# In pages after so many streams in a row that broke off, or had no head in time: a proxy may let none end. A
# page is one short answer.
CUTS: Final = 3
# For so long. A server that was slow for a minute, or has been upgraded since, streams again.
PAGES_SECONDS: Final = 600.0


class Streaming:
    """Of one source. `now` is any clock that only goes forward, in seconds."""

    def __init__(self) -> None:
        self._again = -math.inf
        self._cuts = 0

    def offered(self, now: float) -> bool:
        """Whether the server may be asked for a stream."""
        return now >= self._again

    def refused(self, now: float) -> None:
        """Takes that it sends none, or none that ends."""
        self._again, self._cuts = now + PAGES_SECONDS, 0

    def cut(self, now: float) -> None:
        """Takes that a stream has come to nothing, which may be chance."""
        self._cuts += 1
        if self._cuts >= CUTS:
            self.refused(now)

    def whole(self) -> None:
        """Takes that a list is whole."""
        self._cuts = 0
