"""The edge of the cluster's watches: a connection for each source, and one table from all of them."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import prometheus_client
import structlog

from watcher.cluster import line
from watcher.cluster.answer import UnreachableError
from watcher.cluster.api import Api, Stream
from watcher.cluster.cluster import Batch, Cluster
from watcher.cluster.question import Question
from watcher.cluster.reflector import Reflector

log = structlog.get_logger()

OK = 200

REQUESTS = prometheus_client.Counter(
    "isoline_watcher_requests", "Lists and watches asked of the API server.", ["resource", "verb"]
)
HELD = prometheus_client.Gauge("isoline_watcher_objects", "Objects known of each resource.", ["resource"])
CURRENT = prometheus_client.Gauge(
    "isoline_watcher_current", "1 while nothing of a resource is missed.", ["resource"]
)


class Follower:
    """Follows the sources until cancelled, those of the cluster and maybe others; `take` gets each batch of
    the cluster; `after` is called whenever something has come, be it part of a batch or not.
    """

    def __init__(
        self,
        api: Api,
        reflectors: Sequence[Reflector],
        cluster: Cluster,
        take: Callable[[Batch], None],
        after: Callable[[], None] = lambda: None,
    ) -> None:
        self.unreachable: str | None = None
        """Why the API server can't be reached."""
        self._api = api
        self._reflectors = reflectors
        self._cluster = cluster
        self._take = take
        self._after = after
        self._of_cluster = frozenset(cluster.reflectors)
        self._hurried = {reflector: asyncio.Event() for reflector in reflectors}
        self._told = {each: (each.state, each.trouble) for each in reflectors}
        self._came = asyncio.Event()
        for resource in {each.source.resource for each in reflectors}:
            same = [each for each in reflectors if each.source.resource == resource]
            of_cluster = [each for each in same if each in self._of_cluster]
            HELD.labels(resource).set_function(partial(_held, of_cluster))
            CURRENT.labels(resource).set_function(partial(_current, same))

    async def run(self) -> None:
        """Until cancelled. A mistake in what is done with what has come ends it, too."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._give(), name="batches")
            for reflector in self._reflectors:
                tasks.create_task(self._follow(reflector), name=reflector.source.name)

    def status(self) -> list[dict[str, Any]]:
        """Of each source, for /debug/status."""
        return [
            {
                "source": each.source.name,
                "state": each.state,
                "trouble": each.trouble,
                "objects": len(each.objects),
                "lists": each.lists,
            }
            for each in self._reflectors
        ]

    async def _follow(self, reflector: Reflector) -> None:
        clock = asyncio.get_running_loop().time
        hurried, resource = self._hurried[reflector], reflector.source.resource
        while True:
            question = reflector.question(clock())
            if question is None:
                hurried.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(reflector.due):
                        await hurried.wait()
                continue
            REQUESTS.labels(resource, "watch" if question.watch else "list").inc()
            await self._ask(reflector, question)
            self._changed(reflector)

    async def _ask(self, reflector: Reflector, question: Question) -> None:
        """Until the answer has ended, or failed. The reflector's clock is the loop's."""
        clock = asyncio.get_running_loop().time
        end = clock() + question.seconds
        answered = False
        try:
            async with (
                asyncio.timeout_at(_sooner(end, reflector)) as patience,
                self._api.open(question.path, question.query) as stream,
            ):
                answered = True
                self._reached()
                if stream.status == OK and question.watch:
                    await self._read(reflector, stream, patience, end)
                    return
                answer = await stream.whole()
            if answer.status == OK:
                reflector.page(answer.body, clock())
            else:
                reflector.refused(answer.status, line.message(answer.body), answer.retry_after, clock())
        except UnreachableError as error:
            reflector.lost(str(error), clock())
            if not answered:
                self._not_reached(str(error))
        except TimeoutError:
            reflector.late(clock())

    async def _read(
        self, reflector: Reflector, stream: Stream, patience: asyncio.Timeout, end: float
    ) -> None:
        clock = asyncio.get_running_loop().time
        reflector.opened(clock())
        self._changed(reflector)
        async for piece in stream.pieces():
            if not reflector.feed(piece, clock()):
                return
            patience.reschedule(_sooner(end, reflector))
            self._changed(reflector)
        reflector.ended(clock())

    def _reached(self) -> None:
        if self.unreachable is not None:
            self.unreachable = None
            log.warning("API server reachable again")

    def _not_reached(self, why: str) -> None:
        if self.unreachable is None:
            log.warning("API server unreachable", error=why)
        self.unreachable = why

    def _changed(self, reflector: Reflector) -> None:
        if self._told[reflector] != (reflector.state, reflector.trouble):
            self._tell(reflector)
        if reflector in self._of_cluster:
            self._cluster.heard(reflector)
        self._came.set()

    async def _give(self) -> None:
        """What has come is given out when all that has arrived with it is read, and what waits when it must
        wait no longer.
        """
        clock = asyncio.get_running_loop().time
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._cluster.deadline):
                    await self._came.wait()
            self._came.clear()
            if (batch := self._cluster.batch(clock())) is not None:
                self._take(batch)
            self._after()

    def _tell(self, reflector: Reflector) -> None:
        """One line when a source fails in a new way, and one when it is well again: then others may be, too.

        That nothing is reachable is told once for all.
        """
        before, _ = self._told[reflector]
        self._told[reflector] = reflector.state, reflector.trouble
        if before == "failing" and reflector.current:
            now = asyncio.get_running_loop().time()
            for each, hurried in self._hurried.items():
                if each.hurry(now):
                    hurried.set()
        if self.unreachable is not None:
            return
        about = {"source": reflector.source.name, "state": reflector.state}
        if reflector.current:
            log.info("source followed", **about, objects=len(reflector.objects))
        elif reflector.trouble:
            log.warning("source not current", **about, error=reflector.trouble)


def _held(reflectors: Sequence[Reflector]) -> float:
    return sum(len(each.objects) for each in reflectors)


def _current(reflectors: Sequence[Reflector]) -> float:
    return all(each.current for each in reflectors)


def _sooner(end: float, reflector: Reflector) -> float:
    return end if reflector.patience is None else min(end, reflector.patience)
