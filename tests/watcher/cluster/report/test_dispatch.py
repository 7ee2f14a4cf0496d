import asyncio
import contextlib

from tests.watcher.cluster.report.test_writer import Model
from watcher.cluster.report.bucket import Bucket
from watcher.cluster.report.calls import Calls
from watcher.cluster.report.delivery import Delivery
from watcher.cluster.report.dispatch import Dispatch
from watcher.cluster.report.outbox import Outbox
from watcher.cluster.report.request import Request


class Counted(Delivery):
    """Of objects of which none is ever to be written."""

    def __init__(self) -> None:
        super().__init__(Outbox(Bucket(1000.0, 1000), lambda: 0.5), lambda *_: iter(()), lambda _ref: None)
        self.asked = 0

    def next(self, now: float, wall: int) -> Request | None:
        self.asked += 1
        return super().next(now, wall)


async def test_a_change_that_concerns_nothing_that_is_written_wakes_nobody() -> None:
    """Most changes of a cluster do not: endpoints come and go."""
    delivery = Counted()
    dispatch = Dispatch(delivery, Calls(Model(), "status"), lambda: True)
    running = asyncio.create_task(dispatch.run())
    await asyncio.sleep(0)
    asked = []

    for refs in ([], ["Ingress/a/web"]):
        dispatch.add(refs)
        for _ in range(5):
            await asyncio.sleep(0)
        asked.append(delivery.asked)

    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert asked == [1, 2]
