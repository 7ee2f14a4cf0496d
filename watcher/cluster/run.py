"""The edge of the process that watches a cluster: an API server in, the publisher out, the cores between."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from runtime.link.keys import LinkKeys
from runtime.link.link_publisher import LinkPublisher
from runtime.probe import Probe
from runtime.workgroup import Workgroup
from watcher.cluster.access import Access
from watcher.cluster.api import Api
from watcher.cluster.cluster import Batch, Cluster
from watcher.cluster.follower import Follower
from watcher.cluster.reflector import Reflector
from watcher.cluster.settings import Settings
from watcher.cluster.source import sources
from watcher.published import OBJECTS, publish

log = structlog.get_logger()


def wire(settings: Settings, group: Workgroup) -> None:
    """Adds the parts of a watcher: the cluster's watches and the publisher. Raises StartError."""
    if settings.kubeconfig is None:
        access = Access.in_cluster()
    else:
        access = Access.of_kubeconfig(settings.kubeconfig, settings.context)
    keys = LinkKeys.load(Path(settings.link_keys), own="watcher") if settings.link_keys else None
    process = _Process(settings, access, LinkPublisher(settings.publish, (OBJECTS,), keys))
    probe = Probe(probe=settings.probe, debug=settings.debug, ready=process.ready, status=process.status)
    group.add("probe", probe.run)
    group.add("publisher", process.publisher.run)
    group.add("cluster", process.run)


class _Process:
    def __init__(self, settings: Settings, access: Access, publisher: LinkPublisher) -> None:
        self.publisher = publisher
        self._api = Api(access)
        chance = random.random
        reflectors = [Reflector(source, chance) for source in sources(settings.watch_namespace)]
        self._cluster = Cluster(reflectors)
        self._follower = Follower(self._api, reflectors, self._cluster, self._publish)

    def ready(self) -> str | None:
        if self._cluster.complete:
            return None
        if self._follower.unreachable is not None:
            return f"API server unreachable: {self._follower.unreachable}"
        waiting = [f"{each.source.name} ({each.trouble or each.state})" for each in self._cluster.missing]
        return f"not listed yet: {', '.join(waiting)}"

    def status(self) -> Mapping[str, Any]:
        cluster = {"unreachable": self._follower.unreachable, "sources": self._follower.status()}
        return {"cluster": cluster, "publisher": self.publisher.status()}

    async def run(self) -> None:
        """Until cancelled."""
        async with self._api:
            await self._follower.run()

    def _publish(self, batch: Batch) -> None:
        # The cores' clock is the loop's, which is time.monotonic().
        publish(self.publisher, puts=batch.puts, deletes=batch.deletes, held=batch.held, since=batch.since)
