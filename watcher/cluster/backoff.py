"""How long to wait after a failure."""

from collections.abc import Callable
from typing import Final

# client-go's reflector: 800 ms, doubled up to 30 s, as before after two minutes without failure.
FIRST_SECONDS: Final = 0.8
MAX_SECONDS: Final = 30.0
RESET_SECONDS: Final = 120.0


class Backoff:
    """Delays with full jitter: all of it is chance, so that those who failed together don't return together.

    `chance` gives numbers from 0 up to, but without, 1. `now` is any clock that only goes forward, in
    seconds.
    """

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._limit = FIRST_SECONDS
        self._failed = -RESET_SECONDS

    def failed(self, now: float) -> float:
        """Takes a failure; when to try again."""
        if now - self._failed > RESET_SECONDS:
            self._limit = FIRST_SECONDS
        limit, self._limit = self._limit, min(2 * self._limit, MAX_SECONDS)
        self._failed = now + limit
        return now + limit * self._chance()
