"""One stream of one peer: its subscriptions, and in which order they are served (O1 to O10).

Additions go in the order clusters, endpoints, listeners, routes, virtual hosts, secrets; removals the other
way, last. A route is sent when its clusters are held by this peer; a cluster goes when the routes without
it are acknowledged, and `grace` seconds later.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from runtime.wire import DecodeError, DeltaRequest, DiscoveryRequest, Node, decode_node, decode_request
from xds_server import refusal
from xds_server.composition import Composition, has_hosts, hosts_of
from xds_server.delta import Delta
from xds_server.draft import Draft, Sent
from xds_server.order import Order
from xds_server.resource_type import (
    BY_URL,
    CLUSTERS,
    ENDPOINTS,
    HOSTS,
    ORDER,
    ROUTES,
    SECRETS,
    ResourceType,
    split,
)
from xds_server.service import Method, PeerError, Service
from xds_server.sotw import Sotw
from xds_server.subscription import NEWEST, Refusal
from xds_server.table import Table

# VHDS over the aggregated stream (Envoy's PR 41996).
VHDS_SINCE = (1, 37, 0)
ENVOY = "envoy"


class Stream:
    """Feed `receive`, then send what `pull` gives until it is None, again at `deadline`.

    `secure`: the connection may carry private keys. Times are seconds of one clock.
    """

    def __init__(self, service: Service, method: Method, *, peer: str, secure: bool, now: float) -> None:
        self.method = method
        self.peer = peer
        self.secure = secure
        self.node = Node()
        self.subscriptions: dict[str, Delta | Sotw] = {}
        self.view = service.nothing  # until the first request says whose it is
        self._service = service
        self._node_bytes: bytes | None = None
        self._met = False
        self._number = 0
        self._opened = now
        self._order = self._ordered()
        self._routes_sent: set[str] = set()

    def _ordered(self) -> Order:
        needed = frozenset({ROUTES if self.view.inline else HOSTS})
        return Order(
            self.subscriptions,
            self.view.table,
            needed=needed if self.method.type_ is None else frozenset(),
            grace=self._service.grace,
            opened=self._opened,
        )

    # Requests

    def receive(self, data: bytes) -> tuple[ResourceType, str] | None:
        """Takes a request as it came. Raises PeerError.

        When it is a plain Delta acknowledgement, nothing else: of which type and nonce.
        """
        try:
            if self.method.delta:
                return self._receive_delta(decode_request(data, DeltaRequest))
            self._receive_sotw(decode_request(data, DiscoveryRequest))
        except DecodeError as error:
            raise PeerError("INVALID_ARGUMENT", f"no discovery request: {error}") from error
        return None

    def acknowledge(self, type_: ResourceType, nonce: str) -> None:
        """Takes a plain Delta acknowledgement whose bytes have been recognised."""
        found = self.subscriptions.get(type_.key)
        if isinstance(found, Delta):
            self._answered(type_, found.answer(nonce, None))

    def _receive_delta(self, request: DeltaRequest) -> tuple[ResourceType, str] | None:
        type_ = self._type(request.type_url, request.node)
        if type_ is None:
            return None
        found = self.subscriptions.get(type_.key)
        if found is None:
            found = self.subscriptions[type_.key] = Delta(type_, self._view_of(type_), self._order)
            found.request(request, renewed=self._renewed(type_))
            if type_ is ROUTES:
                self._routes_sent.update(request.initial_versions)
            elif type_ is HOSTS:
                self._begin_hosts(self._routes_sent)
            elif type_ is ENDPOINTS and (clusters := self.subscriptions.get(CLUSTERS.key)) is not None:
                # Clusters that are gone and still with the peer have their load assignments to the end.
                found.removed_to = min(found.removed_to, clusters.removed_to)
            return None
        assert isinstance(found, Delta)  # noqa: S101 - of a Delta stream
        message = self._message(type_, request.error.message if request.error else None)
        sent = found.answer(request.nonce, message) if request.nonce else None
        self._answered(type_, sent)
        if request.subscribe or request.unsubscribe:
            found.request(request)
            return None
        plain = sent is not None and message is None and request.node is None
        return (type_, request.nonce) if plain else None

    def _receive_sotw(self, request: DiscoveryRequest) -> None:
        type_ = self._type(request.type_url, request.node)
        if type_ is None or type_.sotw_method is None:
            return
        found = self.subscriptions.get(type_.key)
        if found is None:
            found = self.subscriptions[type_.key] = Sotw(type_, self._view_of(type_), self._order)
        assert isinstance(found, Sotw)  # noqa: S101 - of a State-of-the-World stream
        message = self._message(type_, request.error.message if request.error else None)
        self._answered(type_, found.request(request, message))

    def _type(self, url: str, node: bytes | None) -> ResourceType | None:
        """The type that a request is about; None for one that is unknown, which is met with silence (G4)."""
        self._identify(node)
        own = self.method.type_
        if own is not None:
            if url not in {"", own.url}:
                raise PeerError("INVALID_ARGUMENT", f"this service is for {own.url}, not for {url}")
            found: ResourceType | None = own
        elif not url:
            raise PeerError("INVALID_ARGUMENT", "a request on the aggregated stream needs a type_url")
        else:
            found = BY_URL.get(url)
        if found is SECRETS and not self.secure and SECRETS.key not in self.subscriptions:
            self._service.withheld(self)
            if own is not None:
                raise PeerError(
                    "PERMISSION_DENIED",
                    "Secrets are served over unix sockets and mTLS only: this is in clear",
                )
        return found

    def _identify(self, node: bytes | None) -> None:
        """The node counts in the first request alone (G2); some clients repeat it, and it may not change."""
        if not self._met:
            self._met, self._node_bytes = True, node
            self.node = decode_node(node) if node is not None else self.node
            self.view = self._service.view(self.node.cluster, inline=not self._takes_hosts)
            self._order = self._ordered()
        elif node is not None and node != self._node_bytes and decode_node(node).id != self.node.id:
            raise PeerError("INVALID_ARGUMENT", "the node id of a stream cannot change")

    @property
    def _takes_hosts(self) -> bool:
        """Whether virtual hosts reach it one by one."""
        aggregated = self.method.delta and self.method.type_ is None
        version = self.node.version or (0, 0, 0)
        return aggregated and self.node.user_agent_name == ENVOY and version >= VHDS_SINCE

    def _view_of(self, type_: ResourceType) -> Composition:
        if type_ is SECRETS and not self.secure:
            return self._service.nothing
        return self.view

    def _message(self, type_: ResourceType, message: str | None) -> str | None:
        """What may be kept of a refusal's message; None for an acknowledgement."""
        if message is None:
            return None
        shown = refusal.kept(type_, message) or "no reason given"
        self._service.refused(self, type_, shown)
        return shown

    def _answered(self, type_: ResourceType, sent: Sent | None) -> None:
        """An acknowledged load assignment: its clusters are warm, before CDS says so of all of them."""
        clusters = self.subscriptions.get(CLUSTERS.key)
        if sent is None or type_ is not ENDPOINTS or clusters is None or not clusters.under_way:
            return
        for name in sent.versions:
            for user in self.view.table.users(f"{ENDPOINTS.key}/{name}"):
                clusters.warmed(split(user)[1], sent.number)

    # Responses

    def pull(self, now: float) -> bytes | None:
        """The next response; None when there is none now."""
        if not self.subscriptions or not self.view.table.synced:
            return None
        for type_, found in self._in(ORDER):
            if (draft := found.pull(now, self._order.until(type_, now))) is not None:
                return self._send(found, draft)
        for type_, found in self._in(reversed(ORDER)):
            if (draft := found.pull_removals(self._order.until(type_, now))) is not None:
                return self._send(found, draft)
        return None

    def _in(self, order: Iterable[ResourceType]) -> Iterator[tuple[ResourceType, Delta | Sotw]]:
        for type_ in order:
            found = self.subscriptions.get(type_.key)
            if found is not None and not found.full:
                yield type_, found

    @property
    def deadline(self) -> float | None:
        """When `pull` may have something although nothing has happened."""
        found = [sub.deadline for sub in self.subscriptions.values() if sub.waiting]
        return min((at for at in [*found, self._order.deadline] if at is not None), default=None)

    def acknowledged(self) -> int:
        """The revision up to which all is acknowledged, or refused."""
        return min((sub.acknowledged() for sub in self.subscriptions.values()), default=NEWEST)

    def passed(self, table: Table, type_: str) -> int:
        """The revision up to which a table may forget what is gone of a type."""
        found = self.subscriptions.get(type_)
        return NEWEST if found is None or found.view.table is not table else found.passed

    def _send(self, found: Delta | Sotw, draft: Draft) -> bytes:
        responses, view = self._service.responses, found.view
        make = responses.delta if self.method.delta else responses.sotw
        response = make(view, found.type, draft, self._number)
        self._number = response.number
        found.sent(draft, response)
        if found.type is CLUSTERS:
            self._renew(response.versions)
        elif found.type is ROUTES:
            self._repeat_hosts(response.versions)
        self._service.sent(self, draft, response)
        return response.data

    # What follows from what was sent

    def _assignments(self, clusters: Iterable[str]) -> list[str]:
        rows = [self.view.table.row(CLUSTERS.key, name) for name in clusters]
        needs = [split(need) for row in rows if row is not None for need in row.needs]
        return [name for type_, name in needs if type_ == ENDPOINTS.key]

    def _renew(self, clusters: Iterable[str]) -> None:
        """A cluster that was sent waits for its load assignment, which Envoy does not ask for again (O3)."""
        endpoints = self.subscriptions.get(ENDPOINTS.key)
        if endpoints is not None:
            endpoints.renew(self._assignments(clusters))

    def _renewed(self, type_: ResourceType) -> list[str]:
        """The load assignments of clusters that were sent before any were asked for."""
        clusters = self.subscriptions.get(CLUSTERS.key)
        if type_ is not ENDPOINTS or clusters is None:
            return []
        return [name for sent in clusters.under_way for name in self._assignments(sent.versions)]

    def _repeat_hosts(self, routes: Iterable[str]) -> None:
        """Envoy takes virtual hosts only for the route configurations that it has: once for each new one."""
        new = [name for name in routes if name not in self._routes_sent]
        self._routes_sent.update(new)
        self._begin_hosts(new)
        if (hosts := self.subscriptions.get(HOSTS.key)) is not None:
            for name in new:
                hosts.owe(hosts_of(self.view.table, name), since=0)

    def _begin_hosts(self, routes: Iterable[str]) -> None:
        """A route configuration waits for its first virtual host, 15 s when it has none; the removal of one
        that never was is an answer too (measured; an empty response is not, when there are several).
        """
        hosts = self.subscriptions.get(HOSTS.key)
        if isinstance(hosts, Delta):
            hosts.tell_gone(f"{name}/" for name in routes if not has_hosts(self.view.table, name))

    def refused(self) -> dict[str, Refusal]:
        """What the peer refuses now, by key."""
        return {
            f"{key}/{name}": refusal
            for key, sub in self.subscriptions.items()
            for name, refusal in sub.refused.items()
        }

    def status(self) -> Mapping[str, Any]:
        """For /debug/status."""
        return {
            "node": self.node.id,
            "fleet": self.node.cluster,
            "agent": self.node.user_agent_name,
            "version": ".".join(map(str, self.node.version or ())),
            "peer": self.peer,
            "subscriptions": {key: sub.status() for key, sub in self.subscriptions.items()},
        }
