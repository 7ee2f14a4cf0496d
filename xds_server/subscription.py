"""What one stream wants of one type, what it was sent, and what it has acknowledged.

A stream holds a position in the table's journal, not a map of what it was sent (docs/decisions/0004): only
what differs from "everything up to that revision" is kept by name.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

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


class Gate(Protocol):
    """Whether what a resource needs is there; the answers may change when `progress` has."""

    @property
    def progress(self) -> tuple[int, int]:
        """Other than before when something may have become ready."""

    def ready(self, row: Row) -> bool:
        """Whether a resource may be sent now."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A resource that the peer refused: in which version, and why."""

    version: str
    message: str


class Subscription:
    """What State-of-the-World and Delta have in common. `refused` is what the peer refuses now, by name."""

    def __init__(self, type_: ResourceType, view: Composition, gate: Gate) -> None:
        self.type = type_
        self.view = view
        self.names = Names()
        self.wildcard = False
        self.position = 0
        self.removed_to = 0
        self.progress = 0
        self.under_way: deque[Sent] = deque()
        self.refused: dict[str, Refusal] = {}
        self.waiting: dict[str, float] = {}  # held back → until when; the first is the first to be due
        self._gate = gate
        self._looked: tuple[int, int] | None = None  # the gate's progress when `waiting` was looked through
        self._owed: dict[str, None] = {}
        self._owed_since = NEWEST
        # What the peer has of a name may be as old as that revision, until it acknowledges a response that is
        # newer than that number (docs/decisions/0007).
        self._older: dict[str, tuple[int, int]] = {}
        self._number = 0
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

    def renew(self, names: Iterable[str]) -> None:
        """What needs these has been sent, and waits for them."""
        self.owe(names)

    def ask(self) -> None:
        """The peer waits for an answer, be it empty."""
        self._asked = True

    def _forget_unwanted(self, names: Iterable[str]) -> None:
        for name in [name for name in names if not self.wants(name)]:
            for where in (self._owed, self.waiting, self.refused, self._older):
                where.pop(name, None)

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
        since = draft.since
        if self._older:
            since = min([since, *(self._since(name) for name in (*response.versions, *draft.removed))])
        self._number = response.number
        self.under_way.append(Sent(response.number, response.versions, draft.removed, since))

    @property
    def full(self) -> bool:
        """Whether the peer has so much to acknowledge that it is sent nothing more."""
        return len(self.under_way) >= MAX_UNDER_WAY

    @property
    def deadline(self) -> float | None:
        """When `pull` may have something although nothing has happened."""
        return None if self.full else next(iter(self.waiting.values()), None)

    def _goes(self, name: str, row: Row, now: float, since: int) -> bool:
        """Whether a resource may be sent; one that has to wait is looked at again."""
        if self._refuses(name, row):
            self.waiting.pop(name, None)
            return False
        if not self._gate.ready(row) and now < self.waiting.setdefault(name, now + WAIT_SECONDS):
            self._has_older(name, since, self._number)
            return False
        self.waiting.pop(name, None)
        return True

    def _owe_waiting(self, now: float) -> None:
        """Those that were held back are looked at again, if that may have another end now."""
        if self.waiting and (now >= next(iter(self.waiting.values())) or self._looked != self._gate.progress):
            self._looked = self._gate.progress
            self.owe(self.waiting, since=min(map(self._since, self.waiting)))

    # What is acknowledged

    def acknowledged(self, *, refusals: bool = False) -> int:
        """The revision up to which the peer has all that it wants: NEWEST when that is all there is.

        With `refusals` a resource that it refuses counts as not there; else as settled.
        """
        found = NEWEST
        if self.position < self.view.changed(self.type.key):
            found = self.position
        if self.removes_at and not self.type.outlives:
            found = min(found, self._removes_since)
        if self._owed:
            found = min(found, self._owed_since)
        if self.under_way:
            found = min(found, *(sent.since for sent in self.under_way))
        if self._older:
            counts = (at for name, (at, _) in self._older.items() if refusals or name not in self.refused)
            found = min([found, *counts])
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
        open_ = self.under_way or self._owed or self._older
        return not open_ and self.position >= self.view.changed(self.type.key)

    def holds(self, name: str) -> bool:
        """Whether the peer has a resource of that name, in whatever version; true too of what it does not
        want.
        """
        entry = self.view.entry(self.type.key, name)
        if entry is None or entry.row is None:
            return False
        if name in self._warm or not self.wants(name):
            return True
        if name in self._owed or entry.added > min(self.position, self._since(name)):
            return False
        return not any(name in sent.versions and entry.added > sent.since for sent in self.under_way)

    def warmed(self, name: str, number: int) -> None:
        """What a resource that was sent before response `number` waited for is there: the peer holds it."""
        if any(name in sent.versions and sent.number < number for sent in self.under_way):
            self._warm.add(name)
            self.progress += 1

    def _answered(self, sent: Sent, message: str | None) -> None:
        """The peer has taken this response; or refused it, when there is a message."""
        self.under_way.remove(sent)
        self.progress += 1
        if message is None:
            self._acknowledge(sent)
        else:
            for name in (*sent.versions, *sent.removed):
                self._has_older(name, sent.since, sent.number)
            self._refuse(sent, message)
        if not self.under_way:
            self._warm.clear()

    def _acknowledge(self, sent: Sent) -> None:
        if self.refused or self._older:
            for name in (*sent.versions, *sent.removed):
                self.refused.pop(name, None)
                if name in self._older and sent.number > self._older[name][1]:
                    del self._older[name]

    def _refuse(self, sent: Sent, message: str) -> None:
        raise NotImplementedError

    def _has_older(self, name: str, since: int, number: int) -> None:
        """What the peer has of this name may be as old as that, until a response after `number` is taken."""
        if self.wants(name):
            before, last = self._older.get(name, (NEWEST, 0))
            self._older[name] = (min(before, since), max(last, number))

    def _since(self, name: str) -> int:
        return self._older.get(name, (NEWEST, 0))[0]

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
