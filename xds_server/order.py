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
    """Reads the subscriptions of a stream, which began at `opened`; `aggregated`: it may have all of them."""

    def __init__(
        self, subscriptions: Mapping[str, Subscription], *, aggregated: bool, grace: float, opened: float
    ) -> None:
        self._subscriptions = subscriptions
        self._aggregated = aggregated
        self._old_at = opened + WAIT_SECONDS
        self._young_until: float | None = None
        self._grace = Grace(grace)

    @property
    def deadline(self) -> float | None:
        """When more may be taken although nothing has happened."""
        return min((at for at in (self._grace.due, self._young_until) if at is not None), default=None)

    def ready(self, table: Table, row: Row) -> bool:
        """Whether what a resource needs is in the table; and clusters, with the peer."""
        clusters = self._subscriptions.get(CLUSTERS.key)
        settled = clusters is None or (clusters.settled and not clusters.refused)
        for need in row.needs:
            type_, name = split(need)
            if type_ in BY_KEY and table.row(type_, name) is None:
                return False
            if not settled and type_ == CLUSTERS.key and clusters is not None and not clusters.holds(name):
                return False
        return True

    def until(self, table: Table, type_: ResourceType, now: float) -> int:
        """The revision up to which what is gone may be taken from the peer."""
        if type_.outlives:
            found = [self._subscriptions.get(key) for key in (CLUSTERS.key, ENDPOINTS.key)]
            wanted = max((sub.removes_at for sub in found if sub is not None), default=0)
            self._young_until = None
            return self._grace.until(wanted, self._routes_acknowledged(now) if wanted else 0, now)
        if type_ in {SECRETS, ROUTES} and (listeners := self._subscriptions.get(LISTENERS.key)) is not None:
            return min(listeners.acknowledged(refusals=True), table.revision)
        return table.revision

    def _routes_acknowledged(self, now: float) -> int:
        """The revision up to which the peer's routes are what they should be: older ones may name clusters
        that are gone.
        """
        found = [self._subscriptions.get(key) for key in (ROUTES.key, HOSTS.key)]
        routes = [sub.acknowledged(refusals=True) for sub in found if sub is not None]
        if not routes and self._aggregated and now < self._old_at:
            self._young_until = self._old_at
            return 0  # it has not asked for them yet
        return min(routes, default=NEWEST)
