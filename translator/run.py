"""The edge of the translator's process: replicas in, publisher out, the core between."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import prometheus_client
import structlog

from runtime import collector
from runtime.link.keys import LinkKeys
from runtime.link.link_publisher import LinkPublisher
from runtime.link.link_replica import LinkReplica
from runtime.probe import Probe
from runtime.workgroup import Workgroup
from translator.settings import Settings
from translator.translator import Output, Translator, Work

log = structlog.get_logger()

RESOURCES, STATUSES = "resources", "statuses"

# So often it is looked whether a certificate has expired; the clock may be set meanwhile.
TIME_SECONDS = 1.0

BATCHES = prometheus_client.Counter("isoline_translator_batches", "Batches of resources published.")
ROWS = prometheus_client.Counter("isoline_translator_rows", "Rows put or deleted, by table.", ["table"])
SECONDS = prometheus_client.Histogram(
    "isoline_translator_change_seconds",
    "Time that one change of the objects takes in the core.",
    buckets=(0.0005, 0.001, 0.005, 0.02, 0.1, 0.5, 2, 10),
)


def wire(settings: Settings, group: Workgroup) -> None:
    """Adds the parts of a translator: a replica of the objects, one of each server's rejections, the
    publisher.
    """
    keys = LinkKeys.load(Path(settings.link_keys), own="translator") if settings.link_keys else None
    process = _Process(
        Translator(settings),
        LinkReplica(settings.objects, "objects", "watcher", keys),
        [LinkReplica(address, "rejections", "xds_server", keys) for address in settings.rejections],
        LinkPublisher(settings.publish, (RESOURCES, STATUSES), keys),
    )
    probe = Probe(probe=settings.probe, debug=settings.debug, ready=process.ready, status=process.status)
    group.add("probe", probe.run)
    group.add("publisher", process.publisher.run)
    group.add("translator", process.run)
    for at, replica in enumerate(process.rejections):
        group.add(f"rejections {settings.rejections[at]}", replica.run)
    group.add("objects", process.objects.run)


class _Process:
    def __init__(
        self,
        core: Translator,
        objects: LinkReplica,
        rejections: list[LinkReplica],
        publisher: LinkPublisher,
    ) -> None:
        self.core = core
        self.objects = objects
        self.rejections = rejections
        self.publisher = publisher
        self._rows = {table: ROWS.labels(table) for table in (RESOURCES, STATUSES)}
        self._working = asyncio.Lock()  # one change at a time goes through the core

    def ready(self) -> str | None:
        return None if self.core.started else "the objects are not complete yet"

    def status(self) -> Mapping[str, Any]:
        return {
            "translator": self.core.status(),
            "objects": self.objects.status(),
            "rejections": [replica.status() for replica in self.rejections],
        }

    async def run(self) -> None:
        """Until cancelled: takes what has changed upstream, and publishes what follows."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_objects())
            tasks.create_task(self._follow_time())
            for at, replica in enumerate(self.rejections):
                tasks.create_task(self._follow_rejections(at, replica))

    async def _follow_objects(self) -> None:
        while True:
            await self.objects.changed()
            async with self._working:
                change = self.objects.take()
                started = self.core.started
                output = await self._worked(self.core.work(change))
                log.debug(
                    "translated", puts=len(change.puts), deletes=len(change.deletes), synced=change.synced
                )
                self._publish(output)
                if self.core.started and not started:
                    collector.keep()

    async def _follow_time(self) -> None:
        """Certificates expire though nothing happens."""
        while True:
            await asyncio.sleep(TIME_SECONDS)
            due = self.core.deadline
            if due is not None and due <= time.time():
                async with self._working:
                    self._publish(await self._worked(self.core.work_time()))

    async def _follow_rejections(self, server: int, replica: LinkReplica) -> None:
        while True:
            await replica.changed()
            async with self._working:
                self._publish(await self._worked(self.core.work_rejections(server, replica.take())))

    async def _worked(self, work: Work) -> Output | None:
        """Runs a piece of work step by step, so that heartbeats are sent and read between."""
        self.core.advance(time.time())
        spent = 0.0
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            try:
                next(work)
            except StopIteration as stop:
                SECONDS.observe(spent + clock() - began)
                output: Output | None = stop.value
                return output
            spent += clock() - began
            await asyncio.sleep(0)

    def _publish(self, output: Output | None) -> None:
        """Resources before statuses: who reads of a route may count on its being on the way."""
        if output is None:
            return
        if output.resources.puts or output.resources.deletes:
            BATCHES.inc()
        for table, batch in ((RESOURCES, output.resources), (STATUSES, output.statuses)):
            self._rows[table].inc(len(batch.puts) + len(batch.deletes))
            held = output.held if table == RESOURCES else None
            self.publisher.publish(
                table, puts=batch.puts, deletes=batch.deletes, synced=True, held=held, at=output.at
            )
