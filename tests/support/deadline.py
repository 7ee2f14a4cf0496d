"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable, Collection
from typing import Protocol, TypeVar

T = TypeVar("T")

# Far above what anything here takes: a test that comes near it has failed, not been slow.
DEADLINE_SECONDS = 60.0


class Runs(Protocol):
    """Something whose end nobody may wait past; its text says what it said last."""

    def has_ended_by_itself(self) -> bool: ...


class EndedError(Exception):
    """A program ended while something was still expected of it."""


def wait_until(
    condition: Callable[[], T | None],
    what: str,
    seconds: float = DEADLINE_SECONDS,
    *,
    of: Collection[Runs] = (),
) -> T:
    """The first truthy value of `condition`, asked again and again; AssertionError with `what` at the end.

    An OSError or AssertionError inside `condition` counts as "not yet" and is told when time is up. `of` are
    the programs that must run for it: EndedError, at once, when one has ended.
    """
    end = time.monotonic() + seconds
    last: object = None
    while True:
        # Before the condition, which thus sees all that an ended program has done.
        ended = [program for program in of if program.has_ended_by_itself()]
        try:
            value = condition()
        except (OSError, AssertionError) as error:
            last = error
        else:
            if value:
                return value
            last = value
        if ended:
            raise EndedError("\n".join([f"ended before this: {what}; last seen: {last!r}", *map(str, ended)]))
        if time.monotonic() > end:
            raise AssertionError(
                "\n".join([f"not within {seconds:g} s: {what}; last seen: {last!r}", *map(str, of)])
            )
        time.sleep(0.02)
