"""Make before break for one peer: what may be sent to it already, and what may be taken from it already.

A route is sent when the peer holds its clusters (O1, O4); a cluster goes when the routes without it are
acknowledged, and some time later (O5).
"""

from collections.abc import Mapping

from runtime.link.row import Row
from xds_server.grace import Grace
from xds_server.resource_type import (
    BY_KEY,
    CLUSTERS,
    ENDPOINTS,
    HOSTS,
    LISTENERS,
    ROUTES,
    SECRETS,
    ResourceType,
    split,
)
from xds_server.subscription import NEWEST, WAIT_SECONDS, Subscription
from xds_server.table import Table


class Order:
    """Reads the subscriptions of a stream, which began at `opened`; it is their gate.

    `needed` are the types of route that the peer is to subscribe to: those that it will name clusters by.
    """

    def __init__(
        self,
        subscriptions: Mapping[str, Subscription],
        table: Table,
        *,
        needed: frozenset[ResourceType],
        grace: float,
        opened: float,
    ) -> None:
        self._subscriptions = subscriptions
        self._table = table
        self._needed = needed
        self._old_at = opened + WAIT_SECONDS
        self._young_until: float | None = None
        self._grace = Grace(grace)

    @property
    def deadline(self) -> float | None:
        """When more may be taken although nothing has happened."""
        return min((at for at in (self._grace.due, self._young_until) if at is not None), default=None)

    @property
    def progress(self) -> tuple[int, int]:
        """What `ready` says may be otherwise when this is."""
        clusters = self._subscriptions.get(CLUSTERS.key)
        return self._table.revision, -1 if clusters is None else clusters.progress

    def ready(self, row: Row) -> bool:
        """Whether what a resource needs is in the table; and clusters, with the peer."""
        clusters = self._subscriptions.get(CLUSTERS.key)
        settled = clusters is None or clusters.settled
        for need in row.needs:
            type_, name = split(need)
            if type_ in BY_KEY and self._table.row(type_, name) is None:
                return False
            if not settled and type_ == CLUSTERS.key and clusters is not None and not clusters.holds(name):
                return False
        return True

    def until(self, type_: ResourceType, now: float) -> int:
        """The revision up to which what is gone may be taken from the peer."""
        if type_.outlives:
            found = [self._subscriptions.get(key) for key in (CLUSTERS.key, ENDPOINTS.key)]
            wanted = max((sub.removes_at for sub in found if sub is not None), default=0)
            self._young_until = None
            return self._grace.until(wanted, self._routes_acknowledged(now) if wanted else 0, now)
        if type_ in {SECRETS, ROUTES} and (listeners := self._subscriptions.get(LISTENERS.key)) is not None:
            return min(listeners.acknowledged(refusals=True), self._table.revision)
        return self._table.revision

    def _routes_acknowledged(self, now: float) -> int:
        """The revision up to which the peer's routes are what they should be: older ones may name clusters
        that are gone.
        """
        if now < self._old_at and any(type_.key not in self._subscriptions for type_ in self._needed):
            self._young_until = self._old_at
            return 0  # it has not asked for them yet
        found = [self._subscriptions.get(key) for key in (ROUTES.key, HOSTS.key)]
        return min((sub.acknowledged(refusals=True) for sub in found if sub is not None), default=NEWEST)
