"""How fast may be written: a token bucket."""


class Bucket:
    """Lets `burst` through at once, and `rate` a second in the long run. `now` is any clock in seconds."""

    def __init__(self, rate: float, burst: int) -> None:
        self._each = 1.0 / rate
        self._ahead = (burst - 1) / rate
        self._full = 0.0  # when it will be full again

    @property
    def due(self) -> float:
        """From when on there is a token."""
        return self._full - self._ahead

    def spend(self, now: float) -> None:
        """Takes a token; where there is none, the next comes later by as much."""
        self._full = max(self._full, now) + self._each
