"""Incremental xDS: the rules D1 to D9, one object for a stream and type.

Source: envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, "Incremental xDS".
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from runtime.wire import DeltaRequest
from xds_server.composition import Composition
from xds_server.draft import Draft, Sent
from xds_server.resource_type import HOSTS, ResourceType
from xds_server.subscription import NEWEST, WILDCARD, Gate, Refusal, Subscription

# A larger response is sent in several (D9): what Envoy parses in one go, in some ten milliseconds.
MAX_BYTES = 2 * 1024 * 1024


class Delta(Subscription):
    """A subscription that is told only what has changed."""

    def __init__(self, type_: ResourceType, view: Composition, gate: Gate) -> None:
        super().__init__(type_, view, gate)
        self._started = False
        self._parts: deque[tuple[str, ...]] = deque()  # of responses that were refused
        self._wanting: set[str] = set()  # asked for by name, and not answered yet
        self._gone: dict[str, None] = {}
        self._lingering: dict[str, None] = {}  # what the peer came with, and is gone
        self._lingering_at = 0

    # Requests

    def request(self, request: DeltaRequest, *, renewed: Iterable[str] = ()) -> None:
        """Takes what is subscribed and unsubscribed.

        The names `renewed` are sent even if the peer has them (O3): what they belong to was sent before.
        """
        first, self._started = not self._started, True
        subscribe = [name for name in request.subscribe if name != WILDCARD]
        if WILDCARD in request.subscribe or (
            first and not subscribe
        ):  # an empty first list is legacy for "*"
            self._become_wildcard(first=first)
        self.names.update(subscribe)
        if first:
            self._begin(subscribe, request.initial_versions, frozenset(renewed))
        else:
            self._want(subscribe)
        self._unsubscribe(request.unsubscribe)

    def _become_wildcard(self, *, first: bool) -> None:
        if not self.wildcard:
            self.wildcard = True
            self.ask()
            if not first:
                self.owe(self.view.names(self.type.key), since=0)

    def _begin(self, subscribe: list[str], has: Mapping[str, str], renewed: frozenset[str]) -> None:
        """The first request of a stream may say what the peer has of an earlier one (D1)."""
        self.position = self.removed_to = self.view.table.revision
        names = self.view.names(self.type.key) if self.wildcard else []
        other = [name for name in dict.fromkeys([*names, *subscribe]) if not self._has(name, has)]
        self._wanting.update(name for name in subscribe if name not in has)
        self.owe([*other, *renewed], since=0)
        self._lingering_at = self.position
        self._lingering = {
            name: None for name in has if self.wants(name) and self.view.row(self.type.key, name) is None
        }

    def _has(self, name: str, has: Mapping[str, str]) -> bool:
        row = self.view.row(self.type.key, name)
        return name in has if row is None else has.get(name) == row.version

    def _want(self, names: list[str], since: int = 0) -> None:
        """Each is answered, also what the peer is thought to have (D2), and what there isn't (G6)."""
        self._wanting.update(names)
        self.owe(names, since=since)

    def renew(self, names: Iterable[str]) -> None:
        """What needs these has been sent, and waits for them: each is answered, also one that is gone."""
        wanted = [name for name in names if self.wants(name)]
        self._want(wanted, since=self.position)

    def tell_gone(self, names: Iterable[str]) -> None:
        """There are no such resources, and the peer is told so."""
        self._gone.update(dict.fromkeys(names))

    def _unsubscribe(self, names: Iterable[str]) -> None:
        """Silent (D3), unless the wildcard still covers what was unsubscribed by name."""
        for name in names:
            if name == WILDCARD:
                self.wildcard = False
                self._forget_unwanted((*self._owed, *self._older, *self._wanting, *self._lingering))
                continue
            named = name in self.names
            self.names.discard(name)
            if self.wildcard and named:
                self._want([name], since=self.position)
            self._forget_unwanted([name])

    def _forget_unwanted(self, names: Iterable[str]) -> None:
        for name in [name for name in names if not self.wants(name)]:
            self._wanting.discard(name)
            for where in (self._owed, self.waiting, self.refused, self._older, self._lingering):
                where.pop(name, None)

    # Responses

    def pull(self, now: float, until: int) -> Draft | None:  # noqa: ARG002 - for State-of-the-World
        """The next response with resources."""
        self._gather()
        self._owe_waiting(now)
        return self._part() or self._puts(now)

    def _gather(self) -> None:
        """What has changed since the position is owed."""
        if self.position < self.view.changed(self.type.key):
            # What was removed and is back before the peer was told: it may have what was before the removal.
            since = min(self.position, self._removes_since) if self.removes_at else self.position
            self.owe(self.view.changes(self.type.key, self.position), since)
        self.position = self.view.table.revision

    def _part(self) -> Draft | None:
        """A part of a response that was refused (D6), without what has changed meanwhile."""
        while self._parts:
            part = [name for name in self._parts.popleft() if name not in self._owed and self.wants(name)]
            names = tuple(name for name in part if self._is_sendable(name))
            if names:
                return Draft(NEWEST, names)
        return None

    def _is_sendable(self, name: str) -> bool:
        row = self.view.row(self.type.key, name)
        return row is not None and not self._refuses(name, row)

    def _puts(self, now: float) -> Draft | None:
        names: list[str] = []
        missing: list[str] = []
        kept: list[str] = []
        size = 0
        since = self._owed_since
        for name in list(self._owed):
            if size > MAX_BYTES:
                break
            del self._owed[name]
            row = self.view.row(self.type.key, name)
            if row is None:
                self.waiting.pop(name, None)
                if name in self._wanting:
                    (kept if self._lingers(name) else missing).append(name)
            elif self._goes(name, row, now, since):
                names.append(name)
                size += len(row.body)
        if not self._owed:
            self._owed_since = NEWEST
        self._wanting.difference_update(names, missing, kept)
        asked = self._asked and not self.waiting and not self._owed
        if not (names or missing or kept or asked or self._gone):
            return None
        gone, self._gone, self._asked = tuple(self._gone), {}, False
        if self.type is HOSTS:
            return Draft(since, tuple(names), gone, unresolved=tuple(missing))
        return Draft(since, tuple(names), (*gone, *missing), kept=tuple(kept))

    def _lingers(self, name: str) -> bool:
        """Whether it is gone, and what needs it may still be with the peer: a cluster waits for its load
        assignment, 15 s and everything behind it too.
        """
        entry = self.view.entry(self.type.key, name)
        return self.type.outlives and entry is not None and entry.changed > self.removed_to

    def pull_removals(self, until: int) -> Draft | None:
        """The names that were gone by that revision, and that the peer may have."""
        since = self._removes_since
        names: dict[str, None] = {}
        if self._lingering and until >= self._lingering_at:
            names, self._lingering = self._lingering, {}
        if self.view.table.removed(self.type.key) <= self.removed_to:
            self.removed_to = self.view.table.revision  # so that what is looked through later is short
        elif until > self.removed_to:
            names.update(dict.fromkeys(self._removed(until)))
            self.removed_to = until
        gone = tuple(name for name in names if self.view.row(self.type.key, name) is None)
        for name in gone:
            self.refused.pop(name, None)
        return Draft(since, removed=gone) if gone else None

    def _removed(self, until: int) -> Iterator[str]:
        for name in self.view.table.changes(self.type.key, self.removed_to):
            entry = self.view.entry(self.type.key, name)
            if entry is not None and entry.changed <= until and self.wants(name):
                yield name

    @property
    def removes_at(self) -> int:
        """The revision by which something was removed that the peer may still have; 0 when nothing was."""
        return max(super().removes_at, self._lingering_at if self._lingering else 0)

    @property
    def _removes_since(self) -> int:
        return 0 if self._lingering else self.removed_to

    # Answers

    def answer(self, nonce: str, message: str | None) -> Sent | None:
        """An acknowledgement, with a message a refusal; the response that it is of, None for none (D5)."""
        sent = next((sent for sent in self.under_way if str(sent.number) == nonce), None)
        if sent is not None:
            self._answered(sent, message)
        return sent

    def _refuse(self, sent: Sent, message: str) -> None:
        """The same set is not sent again; halves of it are, until what is refused stands alone."""
        current = [name for name, version in sent.versions.items() if self._is_current(name, version)]
        if not sent.versions:
            self.refused.update((name, Refusal("", message)) for name in sent.removed)
        elif len(sent.versions) == 1:
            self.refused.update((name, Refusal(sent.versions[name], message)) for name in current)
        else:
            middle = (len(current) + 1) // 2
            self._parts += [tuple(part) for part in (current[:middle], current[middle:]) if part]

    def _is_current(self, name: str, version: str) -> bool:
        row = self.view.row(self.type.key, name)
        return row is not None and row.version == version and self.wants(name)
