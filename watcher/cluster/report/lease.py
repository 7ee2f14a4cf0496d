"""Who leads: one candidate's part in an election over a Lease (coordination.k8s.io/v1).

A leader leads until RENEW_SECONDS after it *sent* its last successful renewal. Another takes over when it has
seen the Lease unchanged for LEASE_SECONDS. So two never lead at once, whatever their clocks show, and as long
as none goes half as fast again as another. What the Lease says of time is read by nobody.

A candidate that finds no Lease makes one at once, as client-go does: a new installation is not to wait. Who
deletes the Lease of a leader while another candidate starts may thus have two, until the leader renews next,
which it tries after RETRY_SECONDS: then one of them makes the Lease and the other leads no more at once.
"""

import math
from collections.abc import Callable
from typing import Any, Final

from watcher.cluster.answer import Answer
from watcher.cluster.report.request import Request
from watcher.cluster.report.timestamp import micro_time
from watcher.cluster.shape import mapping, text

# As in client-go and what is built with it.
LEASE_SECONDS: Final = 15.0
RENEW_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 2.0
# Between three and five quarters of that.
JITTER: Final = 0.5
# Of leaseTransitions, an int32.
MAX_COUNT: Final = 2**31 - 1


class Lease:
    """A candidate. `now` is in seconds, of a clock that goes on while the machine sleeps or the process is
    stopped; `wall` in microseconds since 1970, for people to read. `chance` gives numbers from 0 to 1.

    One request at a time: `next`, then `answered`.
    """

    def __init__(self, namespace: str, name: str, identity: str, chance: Callable[[], float]) -> None:
        self.identity = identity
        self.term = 0  # counts how often we have become the leader
        self.problem: str | None = None  # why the API server refuses what we ask, in its words
        self._metadata = {"namespace": namespace, "name": name}
        self._leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._chance = chance
        self._seen: dict[str, Any] | None = None  # the Lease as the API server had it last
        self._changed = -math.inf  # when it was first seen so
        self._certain = False  # nothing has been sent since that might have changed it
        self._until = -math.inf
        self._due = -math.inf
        self._sent = math.inf  # when the request under way was sent
        self._writing = False
        self._stamp = 0
        self._hurried = -math.inf  # when a conflict was last read at once
        self._releasing = False

    @property
    def holder(self) -> str:
        """Who holds the Lease by what was last seen of it; empty for nobody."""
        return "" if self._seen is None else text(self._seen["spec"].get("holderIdentity"))

    @property
    def deadline(self) -> float:
        """When `next` has something."""
        return math.inf if self._sent < math.inf else self._due

    def leads(self, now: float) -> bool:
        """Whether we lead at this moment: to be asked immediately before each write."""
        return now < self._until

    def next(self, now: float, wall: int) -> Request | None:
        """What is to be sent now; None before the deadline."""
        if now < self.deadline:
            return None
        if self._releasing and self._certain and self.holder != self.identity:
            self._due = math.inf
            return None
        self._sent, self._writing = now, self._certain and self._free(now)
        self._certain = False
        if self._writing:
            return self._write(wall)
        return Request("GET", f"{self._leases}/{self._metadata['name']}")

    def answered(self, answer: Answer | None, now: float) -> None:
        """Takes the answer to the last request; None when none has come, whatever has become of it."""
        sent, self._sent = self._sent, math.inf
        lease = _lease(answer)
        self._due = sent + RETRY_SECONDS * (1.0 + JITTER * (self._chance() - 0.5))
        if lease is not None:
            self._observe(lease, now)
        elif answer is not None and answer.status == 404 and not (self._writing and self._seen is None):
            self._seen, self._certain, self._writing = None, True, False
        if self._releasing:
            # Read again after a conflict, write after having read; else there is no more to do.
            conflict = answer is not None and answer.outcome == "conflict"
            self._due = now if conflict or (self._certain and not self._writing) else math.inf
        elif not self._certain:
            self._failed(answer, now)
        elif self._writing:
            self.problem = None
            self.term += not self.leads(now)
            self._until = sent + RENEW_SECONDS
        elif self._free(now):
            self._due = now
        else:
            self.problem = None
            self._due = min(self._due, self._changed + LEASE_SECONDS)

    def release(self) -> None:
        """Leads no more, from now on; `next` has what is still to be sent, so that another need not wait."""
        self._until, self._due, self._releasing = -math.inf, -math.inf, True
        self._sent = math.inf

    def _failed(self, answer: Answer | None, now: float) -> None:
        """Nothing is certain any more. What is no conflict and not for want of an API server is told."""
        if answer is None:
            return
        if answer.outcome not in ("busy", "conflict"):
            self.problem = answer.message
        self._due = max(self._due, now + min(answer.retry_after or 0.0, LEASE_SECONDS))
        if answer.outcome == "conflict" and self.leads(now):
            self._doubt(now)

    def _doubt(self, now: float) -> None:
        """Of a leader: somebody has changed the Lease, which is read at once, but not in circles. Where it
        was gone, somebody has made one.
        """
        if now >= self._hurried + RETRY_SECONDS:
            self._due = self._hurried = now
        if self._seen is None:
            self._until = -math.inf

    def _free(self, now: float) -> bool:
        """Whether the Lease is ours, or may be made so. One that was deleted its leader makes anew at once;
        anybody else when it would have expired, since its holder may not know yet.
        """
        if self.leads(now) or (self._seen is not None and self.holder in ("", self.identity)):
            return True
        return now >= self._changed + LEASE_SECONDS

    def _observe(self, lease: dict[str, Any], now: float) -> None:
        if self._seen is None or lease["spec"] != self._seen["spec"]:
            self._changed = now
        self._seen, self._certain = lease, True
        if self.holder != self.identity:
            self._until = -math.inf

    def _write(self, wall: int) -> Request:
        """Makes the Lease ours, renews it, or gives it up. Each changes it, or others would not see it."""
        self._stamp = max(wall, self._stamp + 1)
        time = micro_time(self._stamp)
        spec: dict[str, Any] = {} if self._seen is None else dict(self._seen["spec"])
        if self._seen is None:
            spec |= {"acquireTime": time, "leaseTransitions": 0}
        elif self.holder != self.identity:
            spec |= {"acquireTime": time, "leaseTransitions": _count(spec.get("leaseTransitions")) + 1}
        spec |= {
            "holderIdentity": "" if self._releasing else self.identity,
            "leaseDurationSeconds": 1 if self._releasing else int(LEASE_SECONDS),
            "renewTime": time,
        }
        if self._seen is None:
            kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
            return Request("POST", self._leases, {**kind, "metadata": self._metadata, "spec": spec})
        # With the resourceVersion that was seen: whoever comes second is refused.
        return Request("PUT", f"{self._leases}/{self._metadata['name']}", {**self._seen, "spec": spec})


def _count(transitions: object) -> int:
    return transitions if isinstance(transitions, int) and 0 <= transitions < MAX_COUNT else 0


def _lease(answer: Answer | None) -> dict[str, Any] | None:
    """The Lease of an answer; None when it has none, be it that something between us answers 200."""
    body = {} if answer is None or answer.outcome != "done" else answer.json()
    if not text(mapping(body.get("metadata")).get("resourceVersion")):
        return None
    return {**body, "spec": mapping(body.get("spec"))}
