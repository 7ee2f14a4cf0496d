"""The edge of the process that watches a cluster: an API server in, the publisher out, the cores between."""

import random
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from runtime.link.keys import LinkKeys
from runtime.link.link_publisher import LinkPublisher
from runtime.link.link_replica import LinkReplica
from runtime.probe import Probe
from runtime.workgroup import Workgroup
from watcher.cluster.access import Access
from watcher.cluster.api import Api
from watcher.cluster.cluster import Batch, Cluster
from watcher.cluster.follower import Follower
from watcher.cluster.reflector import Reflector
from watcher.cluster.report.envoy_addresses import of_words
from watcher.cluster.report.envoy_service import EnvoyService
from watcher.cluster.report.writer import Writer
from watcher.cluster.report.written import Written, field_manager
from watcher.cluster.settings import Settings
from watcher.cluster.source import sources
from watcher.published import OBJECTS, publish

log = structlog.get_logger()


STATUSES: Final = "statuses"
# Of the Lease that the watchers of one installation compete for; it is in their own namespace.
LEASE: Final = "isoline"


def wire(settings: Settings, group: Workgroup) -> None:
    """Adds the parts of a watcher: the cluster's watches, the publisher, and what is written, if anything.

    Raises StartError.
    """
    if settings.kubeconfig is None:
        access = Access.in_cluster()
    else:
        access = Access.of_kubeconfig(settings.kubeconfig, settings.context)
    keys = LinkKeys.load(Path(settings.link_keys), own="watcher") if settings.link_keys else None
    process = _Process(settings, Api(access), keys)
    probe = Probe(probe=settings.probe, debug=settings.debug, ready=process.ready, status=process.status)
    group.add("probe", probe.run)
    group.add("publisher", process.publisher.run)
    group.add("API server", process.api.run)
    if process.writer is not None:
        group.add("writer", process.writer.run)
    group.add("cluster", process.follower.run)


class _Process:
    def __init__(self, settings: Settings, api: Api, keys: LinkKeys | None) -> None:
        self.api = api
        self.publisher = LinkPublisher(settings.publish, (OBJECTS,), keys)
        manager = field_manager(api.namespace, LEASE)
        # Of what is never written nothing need be known.
        facts = {"Ingress": partial(Written.of, manager=manager)} if settings.statuses else {}
        reflectors = [
            Reflector(source, random.random, facts.get(source.kind.name))
            for source in sources(settings.watch_namespace)
        ]
        self._cluster = Cluster(reflectors)
        published = settings.publish_service if settings.statuses else None
        self._service = None if published is None else EnvoyService(published, random.random)
        others = [] if self._service is None else [self._service.reflector]
        self.follower = Follower(api, [*reflectors, *others], self._cluster, self._publish, self._report)
        self.writer: Writer | None = None
        if settings.statuses:
            replicas = [LinkReplica(address, STATUSES, "translator", keys) for address in settings.statuses]
            self.writer = Writer(
                api=api,
                rows=self._cluster.rows,
                written=self._cluster.facts,  # of Ingresses alone
                statuses=replicas,
                lease=LEASE,
                manager=manager,
            )
            if settings.status_address:
                self.writer.addresses(of_words(settings.status_address))

    def ready(self) -> str | None:
        if self._cluster.complete:
            return None
        if self.follower.unreachable is not None:
            return f"API server unreachable: {self.follower.unreachable}"
        waiting = [f"{each.source.name} ({each.trouble or each.state})" for each in self._cluster.missing]
        return f"not listed yet: {', '.join(waiting)}"

    def status(self) -> Mapping[str, Any]:
        cluster = {
            "unreachable": self.follower.unreachable,
            "unread": sorted(self._cluster.unread),
            "sources": self.follower.status(),
        }
        written = {} if self.writer is None else {"writer": self.writer.status()}
        return {"cluster": cluster, "publisher": self.publisher.status(), **written}

    def _publish(self, batch: Batch) -> None:
        # The cores' clock is the loop's, which is time.monotonic().
        publish(self.publisher, puts=batch.puts, deletes=batch.deletes, held=batch.held, since=batch.since)

    def _report(self) -> None:
        """Lets the writer know what has come."""
        touched, self._cluster.touched = self._cluster.touched, set()
        if self.writer is None:
            return
        if self._cluster.complete:
            self.writer.objects_synced()
        if self._service is not None:
            self.writer.addresses(self._service.addresses())
        self.writer.touch(touched)
