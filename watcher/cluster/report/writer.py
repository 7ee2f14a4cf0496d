"""All that is written to the API server: who leads, the status of Ingresses, Events about problems.

    manager = field_manager(api.namespace, "isoline")
    writer = Writer(
        api=api, rows=rows, written=written, statuses=replicas, lease="isoline", manager=manager
    )

`run` needs the API's connections to its end. It is told what happens: `objects_synced` once, `touch` of each
change in `rows` and `written`, `addresses` whenever those of Envoy are known or change.
"""

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import prometheus_client
import structlog

from runtime.link.link_replica import LinkReplica
from runtime.link.row import Row
from watcher.cluster.report import clock
from watcher.cluster.report.bucket import Bucket
from watcher.cluster.report.calls import Api, Calls
from watcher.cluster.report.contests import Contests
from watcher.cluster.report.delivery import Delivery
from watcher.cluster.report.dispatch import Dispatch
from watcher.cluster.report.election import Election, identity
from watcher.cluster.report.ingress_status import Address, IngressStatus
from watcher.cluster.report.lease import Lease
from watcher.cluster.report.outbox import Outbox
from watcher.cluster.report.problem_events import ProblemEvents
from watcher.cluster.report.written import Written

log = structlog.get_logger()

# A second, and at once. A change of the address is a write for each Ingress.
STATUS_RATE, STATUS_BURST = 20.0, 40
# Of its own, so that Events never delay a status.
EVENT_RATE, EVENT_BURST = 5.0, 25

REWRITES = prometheus_client.Counter(
    "isoline_watcher_status_rewrites", "Statuses written again because somebody else had overwritten them."
)
LEADER = prometheus_client.Gauge("isoline_watcher_leader", "1 while this watcher writes to the API server.")


class Writer:
    """Writes while it leads, from when the objects and all tables of statuses are complete. A term begins
    with comparing everything; nothing of one before is left.

    `rows` is the table of objects, `written` what the API server has of each Ingress: views, read as they
    change. `statuses`, one at least, follow the translators. `lease` is the Lease's name, in the API's
    namespace. `manager` is under which name our fields are kept, in `written` too.
    """

    def __init__(
        self,
        *,
        api: Api,
        rows: Mapping[str, Row],
        written: Mapping[str, Written],
        statuses: Sequence[LinkReplica],
        lease: str,
        manager: str,
    ) -> None:
        self._written = written
        self._replicas = statuses
        self._objects_synced = False
        self._synced = [False] * len(statuses)
        self._term = 0  # which has begun here, too
        self._lease = Lease(api.namespace, lease, identity(), random.random)
        self._election = Election(self._lease, Calls(api, "lease"), self._begin)
        tables = [replica.rows for replica in statuses]
        self._contests = Contests(random.random)
        self._status = IngressStatus(written, tables, manager, self._contests)
        self._problems = ProblemEvents(rows, tables, self._lease.identity)
        ingresses = Delivery(
            Outbox(Bucket(STATUS_RATE, STATUS_BURST), random.random),
            lambda ref, now, _wall: self._status.write(ref, now),
            self._status.due,
        )
        problems = Delivery(
            Outbox(Bucket(EVENT_RATE, EVENT_BURST), random.random), self._problems.write, self._problems.due
        )
        self._statuses = Dispatch(ingresses, Calls(api, "status"), self.leads, self._tell_rewrites)
        self._events = Dispatch(problems, Calls(api, "event"), self.leads)
        LEADER.set_function(self.leads)

    def leads(self) -> bool:
        """Whether we lead at this moment."""
        return self._lease.leads(clock.now())

    def objects_synced(self) -> None:
        """All objects are in `rows` and `written`."""
        self._objects_synced = True
        self._begin()

    def addresses(self, addresses: Sequence[Address] | None) -> None:
        """Where Envoy is reached; None while that is not known, empty when it is known to be nowhere."""
        if addresses != self._status.addresses:
            self._status.addresses = addresses
            if self._begun():
                self._statuses.add(self._written)

    def touch(self, refs: Iterable[str]) -> None:
        """Something may have changed about these objects, or what is known of them."""
        if self._begun():
            refs = list(refs)
            self._statuses.add(ref for ref in refs if ref.startswith("Ingress/"))
            self._events.add(filter(self._problems.concerns, refs))

    async def run(self) -> None:
        """Until cancelled: stands for election, follows the statuses, writes what differs. Gives the Lease up
        at the end, which takes two seconds at most.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._election.run())
            tasks.create_task(self._statuses.run())
            tasks.create_task(self._events.run())
            for at, replica in enumerate(self._replicas):
                tasks.create_task(replica.run())
                tasks.create_task(self._follow(at, replica))

    def status(self) -> Mapping[str, Any]:
        """For /debug/status."""
        return {
            "leads": self.leads(),
            "identity": self._lease.identity,
            "holder": self._lease.holder,
            "term": self._lease.term,
            "addresses": self._status.addresses,
            "statuses": self._statuses.status(),
            "events": self._events.status(),
            "tables": [replica.status() for replica in self._replicas],
        }

    async def _follow(self, at: int, replica: LinkReplica) -> None:
        while True:
            await replica.changed()
            change = replica.take()
            self._synced[at] = self._synced[at] or change.synced
            self._begin()
            self.touch([*change.puts, *change.deletes])

    def _begun(self) -> bool:
        return self._term == self._lease.term and self.leads()

    def _begin(self) -> None:
        """Compares everything, once a term, as soon as that can be done."""
        if self._begun() or not (self.leads() and self._objects_synced and all(self._synced)):
            return
        self._term = self._lease.term
        self._status.begin()
        self._statuses.begin(self._written)
        self._events.begin(self._problems.begin())

    def _tell_rewrites(self) -> None:
        for each in self._contests.rewrites:
            REWRITES.inc()
            if each.news:
                others = ", ".join(each.others) or None
                log.warning(
                    "written by others, too; ever more slowly from now on", object=each.ref, by=others
                )
        self._contests.rewrites.clear()
