"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Far above what anything here takes: a test that comes near it has failed, not been slow.
DEADLINE_SECONDS = 60.0


def wait_until(condition: Callable[[], T | None], what: str, seconds: float = DEADLINE_SECONDS) -> T:
    """The first truthy value of `condition`, asked again and again; AssertionError with `what` at the end.

    An OSError or AssertionError inside `condition` counts as "not yet" and is told when time is up.
    """
    end = time.monotonic() + seconds
    last: object = None
    while True:
        try:
            value = condition()
        except (OSError, AssertionError) as error:
            last = error
        else:
            if value:
                return value
            last = value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {what}; last seen: {last!r}")
        time.sleep(0.02)
