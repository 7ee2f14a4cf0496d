"""What became of each change: how much was sent for it, and when the last Envoy had acknowledged it."""

from dataclasses import dataclass, field

import orjson

from runtime.link.row import Change, Row
from xds_server.draft import Draft
from xds_server.responses import Response
from xds_server.stream import Stream

# Envoy acknowledges in milliseconds; a cluster that cannot warm takes it 15 s.
LATE_SECONDS = 10.0
# Rows that are published: those of the last moments, for whoever shows them.
KEPT = 64
# Keys of one change that are told.
MAX_KEYS = 20


@dataclass(slots=True)
class _Sent:
    resources: int = 0
    removed: int = 0
    bytes: int = 0


@dataclass(slots=True)
class _Delivery:
    """`at`: Unix seconds of its cause; `began` is the same moment in the time of `now`, as the clocks of two
    machines have it; `received` is when it came here.
    """

    revision: int
    changed: tuple[str, ...]
    at: float
    began: float
    received: float
    open: set[Stream]
    sent: dict[Stream, _Sent] = field(default_factory=dict)

    def row(self, seconds: float, *, complete: bool) -> Row:
        """The figures are those of the Envoy that was sent most."""
        most = max(self.sent.values(), key=lambda sent: sent.bytes)
        body = {
            "changed": self.changed[:MAX_KEYS],
            "resources": most.resources,
            "removed": most.removed,
            "bytes": most.bytes,
            "envoys": len(self.sent),
            "at": self.at,
            "seconds": seconds,
            "complete": complete,
        }
        return Row.of(orjson.dumps(body))


class Deliveries:
    """Follows each change until all who were there have acknowledged it, or are late."""

    def __init__(self) -> None:
        self._open: list[_Delivery] = []
        self._number = 0
        self._rows: dict[str, Row] = {}
        self._puts: dict[str, Row] = {}
        self._deletes: set[str] = set()

    def begin(
        self,
        at: int,
        changed: tuple[str, ...],
        change: Change,
        *,
        streams: set[Stream],
        now: float,
        age: float,
    ) -> None:
        """A change of the table, at that revision, whose cause is `age` seconds old; these streams are there.

        Of more than KEPT that are open at once the oldest are not told.
        """
        if streams:
            self._open.append(_Delivery(at, changed, change.at, now - age, now, streams))
            del self._open[:-KEPT]

    def sent(self, stream: Stream, draft: Draft, response: Response) -> None:
        """Counts a response for the newest change that is in it; the older ones in it have come too."""
        newest = True
        for delivery in reversed(self._open):
            if draft.since >= delivery.revision:
                return
            if stream in delivery.open:
                sent = delivery.sent.setdefault(stream, _Sent())
                if newest:
                    sent.resources += len(response.versions)
                    sent.removed += response.removed
                    sent.bytes += len(response.data)
                newest = False

    def settled(self, stream: Stream, now: float) -> None:
        """The stream has nothing more to send now."""
        if not self._open:
            return
        acknowledged = stream.acknowledged()
        for delivery in self._open:
            if acknowledged >= delivery.revision:
                delivery.open.discard(stream)
        self._close(now)

    def left(self, stream: Stream, now: float) -> None:
        """The stream has ended."""
        for delivery in self._open:
            delivery.open.discard(stream)
            delivery.sent.pop(stream, None)
        self._close(now)

    def expire(self, now: float) -> None:
        """Those that are late are told as not acknowledged."""
        late = [delivery for delivery in self._open if now >= delivery.received + LATE_SECONDS]
        for delivery in late:
            self._tell(delivery, now, complete=False)
        self._open = [delivery for delivery in self._open if delivery not in late]

    def take(self) -> tuple[dict[str, Row], set[str]]:
        """Rows of the table `deliveries` to put, and keys to delete."""
        puts, deletes = self._puts, self._deletes
        self._puts, self._deletes = {}, set()
        return puts, deletes

    def _close(self, now: float) -> None:
        for delivery in [delivery for delivery in self._open if not delivery.open]:
            self._open.remove(delivery)
            self._tell(delivery, now, complete=True)

    def _tell(self, delivery: _Delivery, now: float, *, complete: bool) -> None:
        if not delivery.sent:
            return
        self._number += 1
        key = f"{self._number:012d}"
        self._rows[key] = self._puts[key] = delivery.row(max(now - delivery.began, 0.0), complete=complete)
        for old in list(self._rows)[:-KEPT]:
            del self._rows[old]
            self._puts.pop(old, None)
            self._deletes.add(old)
