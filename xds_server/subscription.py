"""What one stream wants of one type, what it was sent, and what it has acknowledged.

A stream holds a position in the table's journal, not a map of what it was sent (docs/decisions/0004): only
what differs from "everything up to that revision" is kept by name.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from runtime.link.row import Row
from xds_server.composition import Composition
from xds_server.draft import Draft, Sent
from xds_server.names import Names
from xds_server.resource_type import ResourceType
from xds_server.responses import Response

# Everything there is, at any revision.
NEWEST = 1 << 62
# A route is held back for its clusters, a listener for its routes, no longer than this (O4).
WAIT_SECONDS = 5.0
# Responses of one type that a peer may leave unacknowledged; what changes then goes into the next one.
MAX_UNDER_WAY = 100
WILDCARD = "*"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A resource that the peer refused: in which version, why, and what it may hold of before (`since` as in
    Draft).
    """

    version: str
    message: str
    since: int


@dataclass(frozen=True, slots=True)
class Wait:
    """A resource that is held back until something else is there, or until it is due; `since` as in Draft."""

    due: float
    since: int


class Subscription:
    """What State-of-the-World and Delta have in common.

    `ready` says whether what a resource needs is there. `refused` are those that the peer refuses now.
    """

    def __init__(self, type_: ResourceType, view: Composition, ready: Callable[[Row], bool]) -> None:
        self.type = type_
        self.view = view
        self.names = Names()
        self.wildcard = False
        self.position = 0
        self.removed_to = 0
        self.under_way: deque[Sent] = deque()
        self.refused: dict[str, Refusal] = {}
        self.waiting: dict[str, Wait] = {}
        self._ready = ready
        self._owed: dict[str, None] = {}
        self._owed_since = NEWEST
        self._parts: deque[tuple[tuple[str, ...], int]] = (
            deque()
        )  # of a response that was refused; with since
        self._asked = False
        self._warm: set[str] = set()

    # What is wanted

    def wants(self, name: str) -> bool:
        """Whether the peer is subscribed to that name."""
        return self.wildcard or name in self.names

    def owe(self, names: Iterable[str], since: int | None = None) -> None:
        """These are sent, whatever the peer may have of them, if it wants them."""
        wanted = dict.fromkeys(name for name in names if self.wants(name))
        if wanted:
            self._owed.update(wanted)
            self._owed_since = min(self._owed_since, self.position if since is None else since)

    def ask(self) -> None:
        """The peer waits for an answer, be it empty."""
        self._asked = True

    # What is sent

    def pull(self, now: float, until: int) -> Draft | None:
        """What to send now; None when there is nothing. What was gone by the revision `until` may go."""
        raise NotImplementedError

    def pull_removals(self, until: int) -> Draft | None:
        """The same for what is to go last."""
        raise NotImplementedError

    @property
    def removes_at(self) -> int:
        """The revision by which something was removed that the peer may still have; 0 when nothing was."""
        removed = self.view.table.removed(self.type.key)
        return removed if removed > self.removed_to else 0

    def sent(self, draft: Draft, response: Response) -> None:
        """That draft is on its way, as this response."""
        self.under_way.append(Sent(response.number, response.versions, draft.since))

    @property
    def deadline(self) -> float | None:
        """When `pull` may have something although nothing has happened."""
        if len(self.under_way) >= MAX_UNDER_WAY:
            return None
        return min((wait.due for wait in self.waiting.values()), default=None)

    def _goes(self, name: str, row: Row, now: float, since: int) -> bool:
        """Whether a resource may be sent; one that has to wait is looked at again."""
        if self._refuses(name, row):
            self.waiting.pop(name, None)
            return False
        if not self._ready(row):
            wait = self.waiting.setdefault(name, Wait(now + WAIT_SECONDS, since))
            if now < wait.due:
                return False
        self.waiting.pop(name, None)
        return True

    def _waited(self, now: float) -> list[str]:
        """Those that were held back and may go now."""
        found = []
        for name, wait in self.waiting.items():
            row = self.view.row(self.type.key, name)
            if row is None or now >= wait.due or self._ready(row):
                found.append(name)
        return found

    # What is acknowledged

    def acknowledged(self, *, refusals: bool = False) -> int:
        """The revision up to which the peer has acknowledged all that it wants: NEWEST when that is all there
        is.

        With `refusals` a resource that it refuses counts as not acknowledged; else as settled.
        """
        found = NEWEST
        if self.position < self.view.changed(self.type.key):
            found = self.position
        if self.removes_at and not self.type.outlives:
            found = min(found, self._removes_since)
        if self._owed:
            found = min(found, self._owed_since)
        found = min([found, *(sent.since for sent in self.under_way), *(since for _, since in self._parts)])
        found = min([found, *(wait.since for wait in self.waiting.values())])
        if refusals:
            found = min([found, *(refusal.since for refusal in self.refused.values())])
        return found

    @property
    def passed(self) -> int:
        """The revision up to which the table may forget what is gone."""
        return min(self.position, self.removed_to) if self.removes_at else self.position

    @property
    def _removes_since(self) -> int:
        return self.removed_to

    @property
    def settled(self) -> bool:
        """Whether everything that there is has been sent and acknowledged."""
        open_ = self.under_way or self._owed or self._parts or self.waiting
        return not open_ and self.position >= self.view.changed(self.type.key)

    def holds(self, name: str) -> bool:
        """Whether the peer has a resource of that name, in whatever version; true too of what it does not
        want.
        """
        entry = self.view.entry(self.type.key, name)
        if entry is None or entry.row is None:
            return False
        refusal = self.refused.get(name)
        if refusal is not None and entry.added > refusal.since:
            return False
        if self.settled or name in self._warm or not self.wants(name):
            return True
        if name in self._owed or name in self.waiting or entry.added > self.position:
            return False
        if any(name in names for names, _ in self._parts):
            return False
        return not any(name in sent.versions and entry.added > sent.since for sent in self.under_way)

    def warmed(self, name: str, number: int) -> None:
        """What a resource that was sent before response `number` waited for is there: the peer holds it."""
        if any(name in sent.versions and sent.number < number for sent in self.under_way):
            self._warm.add(name)

    def acknowledge(self, sent: Sent) -> None:
        """The peer has taken this response."""
        for name in self.refused.keys() & sent.versions.keys():
            del self.refused[name]
        if not self.under_way:
            self._warm.clear()

    def refuse(self, sent: Sent, message: str) -> None:
        """The peer has refused this response."""
        raise NotImplementedError

    def _refuses(self, name: str, row: Row) -> bool:
        """Whether it has refused these very bytes."""
        refusal = self.refused.get(name)
        return refusal is not None and refusal.version == row.version

    def status(self) -> Mapping[str, object]:
        """For /debug/status."""
        return {
            "wildcard": self.wildcard,
            "names": len(self.names),
            "revision": self.position,
            "under_way": len(self.under_way),
            "waiting": sorted(self.waiting)[:100],
            "refused": {name: refusal.message for name, refusal in self.refused.items()},
        }
