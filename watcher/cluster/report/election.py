"""The edge of a candidate: sends what the core asks for, and gives the Lease up at the end."""

import asyncio
import contextlib
import math
import secrets
import socket
from collections.abc import Callable

import structlog

from watcher.cluster.report import clock
from watcher.cluster.report.calls import Calls
from watcher.cluster.report.lease import RENEW_SECONDS, Lease

log = structlog.get_logger()

# Another try fits in before a leader that got no answer must stop leading.
REQUEST_SECONDS = RENEW_SECONDS / 2
# At the end: whoever waits for the Lease waits for its expiry instead.
RELEASE_SECONDS = 2.0


def identity() -> str:
    """Ours, another one at each start: what we held before is not ours any more."""
    return f"{socket.gethostname()}_{secrets.token_hex(4)}"


class Election:
    """One candidate. `begun` is called when a term of ours has begun."""

    def __init__(self, lease: Lease, calls: Calls, begun: Callable[[], None]) -> None:
        self._lease = lease
        self._calls = calls
        self._begun = begun

    async def run(self) -> None:
        """Stands for election until cancelled; then leads no more, and gives up the Lease if it holds it."""
        try:
            while True:
                await asyncio.sleep(max(0.0, self._lease.deadline - clock.now()))
                await self._ask()
        finally:
            self._lease.release()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RELEASE_SECONDS):
                    while self._lease.deadline < math.inf:
                        await self._ask()

    async def _ask(self) -> None:
        lease = self._lease
        request = lease.next(clock.now(), clock.wall())
        if request is None:
            return
        term, holder, problem = lease.term, lease.holder, lease.problem
        lease.answered(await self._calls.send(request, REQUEST_SECONDS), clock.now())
        if lease.holder != holder:
            log.info("leader", holder=lease.holder or None, us=lease.holder == lease.identity)
        if lease.problem not in (None, problem):
            log.warning("cannot stand for election", error=lease.problem)
        if lease.term != term:
            self._begun()
