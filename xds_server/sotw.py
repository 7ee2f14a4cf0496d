"""State-of-the-World xDS: the rules S1 to S7, one object for a stream and type.

Source: envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, "The xDS transport protocol".
"""

import re
from collections.abc import Iterable

from runtime.link.row import Row
from runtime.wire import DiscoveryRequest
from xds_server.composition import Composition, version_of
from xds_server.draft import Draft, Sent
from xds_server.resource_type import ResourceType
from xds_server.responses import Response
from xds_server.subscription import NEWEST, WAIT_SECONDS, WILDCARD, Gate, Refusal, Subscription

# Resources of one refused response that are shown, when the refusal names none.
MAX_BLAMED = 10


class Sotw(Subscription):
    """A subscription that is told the complete set (`ResourceType.whole`), or what of the set changed."""

    def __init__(self, type_: ResourceType, view: Composition, gate: Gate) -> None:
        super().__init__(type_, view, gate)
        self.version = ""
        self._nonce = ""
        self._named = False  # an empty list is the wildcard only before the first name (S5)
        self._started = False

    # Requests

    def request(self, request: DiscoveryRequest, message: str | None) -> Sent | None:
        """Takes the names; `message` is that of a refusal. The response that it answers, None when none."""
        first, self._started = not self._started, True
        if first:
            self._begin(request)
        self._subscribe(request.resource_names, first=first)
        # An unknown nonce, of an earlier stream perhaps, answers nothing; its names count (S2).
        sent = next((sent for sent in self.under_way if str(sent.number) == request.nonce), None)
        if sent is None:
            return None
        for older in [older for older in self.under_way if older.number < sent.number]:
            self._answered(older, None)  # it was not refused when its turn was
        self._answered(sent, message)
        return sent

    def _begin(self, request: DiscoveryRequest) -> None:
        self.removed_to = self.view.table.revision
        if not request.resource_names and self.type.whole:
            self.version = request.version_info  # what it has of an earlier stream (S3)

    def _subscribe(self, names: Iterable[str], *, first: bool) -> None:
        listed = dict.fromkeys(names)
        wildcard = WILDCARD in listed or (not listed and not self._named)
        listed.pop(WILDCARD, None)
        self._named = self._named or bool(listed)
        new = [name for name in listed if name not in self.names]
        for name in [name for name in self.names if name not in listed]:
            self.names.discard(name)
        self.names.update(new)
        gained = wildcard and not self.wildcard
        lost = self.wildcard and not wildcard
        self.wildcard = wildcard
        if self.type.whole:
            if first or gained or lost or (new and not wildcard):
                self.ask()
        else:
            self.owe(self.view.names(self.type.key) if gained else new, since=0)
        self._forget_unwanted((*self._owed, *self._older))

    # Responses

    def pull(self, now: float, until: int) -> Draft | None:
        """The next response."""
        return self._whole(now, until) if self.type.whole else self._some(now)

    def pull_removals(self, until: int) -> Draft | None:  # noqa: ARG002 - what it overrides
        """What is gone is missing in the complete set, or is not told at all (S4)."""
        return None

    def sent(self, draft: Draft, response: Response) -> None:
        """That draft is on its way, as this response."""
        super().sent(draft, response)
        self.version, self._nonce = draft.version, str(response.number)

    def _whole(self, now: float, until: int) -> Draft | None:
        type_, table = self.type.key, self.view.table
        if table.removed(type_) <= self.removed_to:  # so that what is looked through later is short
            self.removed_to = max(self.removed_to, self.position)
        going = until > self.removed_to and table.removed(type_) > self.removed_to
        news = self.position < self.view.changed(type_)
        if not (news or going or self._asked or self.waiting):
            return None
        self._forget_gone()
        all_, version = self.view.complete(type_)
        names = all_ if self.wildcard else tuple(name for name in all_ if name in self.names)
        changed = [n for n in self.view.changes(type_, self.position) if self.view.row(type_, n) is not None]
        wanted = tuple(name for name in changed if self.wants(name))
        # One that is not ready holds back the set: a set without it would delete it.
        unready = [name for name, row in self._rows(wanted) if not self._gate.ready(row)]
        self.waiting = {name: self.waiting.get(name, now + WAIT_SECONDS) for name in unready}
        if self.waiting and now < min(self.waiting.values()):
            return None
        self.waiting = {}
        since, self.position, self.removed_to = self.position, table.revision, max(until, self.removed_to)
        kept = tuple(name for name in table.changes(type_, self.removed_to) if self._gone(name))
        if kept or not self.wildcard:
            version = self._version(names, kept)
        if version == self.version and not (self._asked and self._nonce):
            self._asked = False
            return None
        self._asked = False
        return Draft(since, names, version=version, kept=kept, changed=wanted)

    def _some(self, now: float) -> Draft | None:
        if self.position < self.view.changed(self.type.key):
            self.owe(self.view.changes(self.type.key, self.position))
        self.position = self.removed_to = self.view.table.revision
        self._owe_waiting(now)
        if not self._owed:
            return None
        self._forget_gone()
        since, owed = self._owed_since, tuple(self._owed)
        self._owed.clear()
        self._owed_since = NEWEST
        names = []
        for name, row in self._rows(owed):
            if self._goes(name, row, now, since):
                names.append(name)
        if not names:
            return None
        return Draft(since, tuple(names), version=self._version(names, ()), changed=tuple(names))

    def _forget_gone(self) -> None:
        """What is gone and was refused: nothing is sent of it any more, so nothing will be acknowledged."""
        for name in [name for name in self._older if self.view.row(self.type.key, name) is None]:
            for where in (self.refused, self.waiting, self._older):
                where.pop(name, None)

    def _rows(self, names: Iterable[str]) -> list[tuple[str, Row]]:
        found = [(name, self.view.row(self.type.key, name)) for name in names]
        return [(name, row) for name, row in found if row is not None]

    def _gone(self, name: str) -> bool:
        """Whether it is gone from the table and stays with the peer for now."""
        return self.type.outlives and self.wants(name) and self.view.row(self.type.key, name) is None

    def _version(self, names: Iterable[str], kept: Iterable[str]) -> str:
        rows = dict(self._rows(names))
        entries = {name: self.view.entry(self.type.key, name) for name in kept}
        rows.update((name, entry.last) for name, entry in entries.items() if entry is not None)
        return version_of(rows)

    # Answers

    def _refuse(self, sent: Sent, message: str) -> None:
        """The same bytes are not sent again (S1). Refused is what the message names, else any of them."""
        named = [name for name in sent.versions if is_named(name, message)]
        for name in named or list(sent.versions)[:MAX_BLAMED]:
            self.refused[name] = Refusal(sent.versions[name], message)


def is_named(name: str, message: str) -> bool:
    """Whether a message names it: `a/8080` does not name `a/80`, nor `b.a/80`."""
    if name not in message:  # cheap; nearly all of a large set end here
        return False
    return re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w/-]|\.\w)", message) is not None
