"""The edge of a delivery: sends one request at a time, and only while we lead."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog

from watcher.cluster.report import clock
from watcher.cluster.report.calls import Calls
from watcher.cluster.report.delivery import Delivery

log = structlog.get_logger()

# An admission webhook of the cluster's may take 10 of its own (timeoutSeconds).
REQUEST_SECONDS = 15.0
# The clock that something is due by goes on while the machine sleeps, the one that wakes us does not.
LONGEST_PAUSE = 60.0


class Dispatch:
    """`leads` is asked immediately before each request; when we don't, all that waits is dropped. `after` is
    called when an answer has been taken.
    """

    def __init__(
        self,
        delivery: Delivery,
        calls: Calls,
        leads: Callable[[], bool],
        after: Callable[[], None] = lambda: None,
    ) -> None:
        self._delivery = delivery
        self._calls = calls
        self._leads = leads
        self._after = after
        self._woken = asyncio.Event()

    def add(self, refs: Iterable[str]) -> None:
        """These are to be looked at."""
        if found := list(refs):
            self._delivery.outbox.add(found)
            self._woken.set()

    def begin(self, refs: Iterable[str]) -> None:
        """These are to be looked at, and nothing else."""
        self._delivery.clear()
        self.add(refs)

    def status(self) -> Mapping[str, Any]:
        """For /debug/status."""
        return self._delivery.outbox.status()

    async def run(self) -> None:
        """Until cancelled: sends what is to be sent."""
        while True:
            request = self._delivery.next(clock.now(), clock.wall())
            if request is None:
                await self._pause()
            elif self._leads():
                answer = await self._calls.send(request, REQUEST_SECONDS)
                refusal = self._delivery.answered(answer, clock.now())
                if refusal is not None:
                    log.warning(
                        "not written", writing=self._calls.kind, object=refusal.ref, error=refusal.message
                    )
                self._after()
            else:
                self._delivery.clear()

    async def _pause(self) -> None:
        self._woken.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(max(0.0, self._delivery.deadline - clock.now()), LONGEST_PAUSE)):
                await self._woken.wait()
