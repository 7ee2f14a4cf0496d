"""A loop whose clock jumps to what is due next as soon as nobody has anything to say: minutes take
milliseconds, over real sockets.
"""

import asyncio
import functools
import selectors
from collections.abc import Awaitable, Callable
from typing import ParamSpec

P = ParamSpec("P")

# Both ends of every connection are in this loop, so what is on its way arrives sooner.
IDLE_SECONDS = 0.002


class _Selector(selectors.DefaultSelector):
    """`jumped` are the seconds that nobody waited."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= IDLE_SECONDS:
            return super().select(timeout)
        ready = super().select(IDLE_SECONDS)
        if not ready:
            self.jumped += timeout - IDLE_SECONDS
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Selector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return super().time() + self._jumping.jumped


def clock() -> float:
    """That of the loop."""
    return asyncio.get_running_loop().time()


def jumping(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """A test that runs on such a loop."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=_Loop) as runner:
            runner.run(test(*args, **kwargs))

    return run
