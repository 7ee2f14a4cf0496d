"""The edge of the xDS server's process: resources in, Envoys served, rejections and deliveries back."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
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
from xds_server.edge import Edge
from xds_server.event import Refused, Withheld
from xds_server.listen import Bind, credentials
from xds_server.resource_type import BY_KEY
from xds_server.server import Server
from xds_server.settings import Settings
from xds_server.table import Table

log = structlog.get_logger()

REJECTIONS, DELIVERIES = "rejections", "deliveries"
# How often late deliveries are looked for.
EXPIRE_SECONDS = 1.0

RESOURCES = prometheus_client.Gauge("isoline_xds_resources", "Resources in the table, by type.", ["type"])
REFUSALS = prometheus_client.Counter(
    "isoline_xds_refusals", "Responses that an Envoy refused, by type.", ["type"]
)


def wire(settings: Settings, group: Workgroup) -> None:
    """Adds the parts of an xDS server: replicas of each shard's resources, the gRPC server, the publisher."""
    keys = LinkKeys.load(Path(settings.link_keys), own="xds_server") if settings.link_keys else None
    binds = [Bind.parse(text, tls=settings.xds_tls is not None) for text in settings.xds_listen]
    secured = credentials(Path(settings.xds_tls)) if settings.xds_tls else None
    process = _Process(
        Server(len(settings.resources), settings.cluster_grace),
        [LinkReplica(address, "resources", "translator", keys) for address in settings.resources],
        LinkPublisher(settings.publish, (REJECTIONS, DELIVERIES), keys),
    )
    probe = Probe(probe=settings.probe, debug=settings.debug, ready=process.ready, status=process.status)
    group.add("probe", probe.run)
    group.add("publisher", process.publisher.run)
    group.add("xds", partial(process.edge.run, binds, secured, process.tell))
    group.add("late deliveries", process.expire)
    for at, replica in enumerate(process.replicas):
        group.add(f"table {settings.resources[at]}", partial(process.follow, at, replica))
        group.add(f"resources {settings.resources[at]}", replica.run)


class _Process:
    def __init__(self, core: Server, replicas: list[LinkReplica], publisher: LinkPublisher) -> None:
        self.core = core
        self.replicas = replicas
        self.publisher = publisher
        self.edge = Edge(core, time.monotonic)
        for type_ in BY_KEY:
            RESOURCES.labels(type_).set_function(partial(_size, core.table, type_))
        publisher.publish(REJECTIONS, synced=True)
        publisher.publish(DELIVERIES, synced=True)

    def ready(self) -> str | None:
        return None if self.core.table.synced else "no translator has sent a whole table yet"

    def status(self) -> Mapping[str, Any]:
        return {
            "server": self.core.status(),
            "resources": [replica.status() for replica in self.replicas],
            "publisher": self.publisher.status(),
        }

    async def follow(self, source: int, replica: LinkReplica) -> None:
        """Until cancelled: each change of one shard's table goes to the core, and wakes the streams."""
        while True:
            await replica.changed()
            change = replica.take()
            synced = self.core.table.synced
            age = max(time.time() - change.at, 0.0) if change.at else 0.0
            if self.core.apply(source, change, time.monotonic(), age):
                self.edge.wake()
            log.debug("resources", puts=len(change.puts), deletes=len(change.deletes), synced=change.synced)
            if self.core.table.synced and not synced:
                collector.keep()

    async def expire(self) -> None:
        """Until cancelled: deliveries that are late are told as such."""
        while True:
            await asyncio.sleep(EXPIRE_SECONDS)
            self.core.deliveries.expire(time.monotonic())
            self.tell()

    def tell(self) -> None:
        """Publishes and logs what has come up."""
        for table, (puts, deletes) in (
            (REJECTIONS, self.core.take_rejections()),
            (DELIVERIES, self.core.deliveries.take()),
        ):
            if puts or deletes:
                self.publisher.publish(table, puts=puts, deletes=deletes)
        for event in self.core.take_events():
            match event:
                case Refused():
                    REFUSALS.labels(event.type).inc()
                    log.warning("refused", **asdict(event))
                case Withheld():
                    reason = "Secrets are served over unix sockets and mTLS only: this is in clear"
                    log.warning("secrets withheld", reason=reason, **asdict(event))


def _size(table: Table, type_: str) -> int:
    return table.sizes()[type_]
