"""The clocks of whoever writes to the API server."""

import time


def now() -> float:
    """Seconds, of a clock that goes on while the machine sleeps: a leader that slept must see it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wall() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000
