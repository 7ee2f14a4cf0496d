"""The core of a publisher: one table, what has changed in it as batches, and snapshots on request."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from runtime.link import frames
from runtime.link.frames import Batch, Beat, Chunk, Request
from runtime.link.pieces import PIECE_BYTES, Frames
from runtime.link.row import Row

# A longer batch isn't sent: its replicas see by the heartbeat that they are behind and take a snapshot, which
# comes at their own pace. 32 pieces leave room for many such batches below the high-water mark.
BATCH_BYTES = 32 * PIECE_BYTES
# What a row costs beside its body, about: version, lengths, punctuation of JSON.
ROW_BYTES = 40
# Messages of a snapshot that are sent at once, whatever is asked for: four windows of a replica.
CREDIT = 128
# Snapshots of different sequences at once: each may cost as much memory as the table.
SNAPSHOTS = 4
READERS = 256
# Seconds after which a snapshot is forgotten that nobody asks for more of: over twice a replica's patience.
IDLE = 5.0
# Seconds that a snapshot is kept for others: replicas that start together ask together.
SHARED = 1.0
# Seconds after which an unfinished snapshot gives way to another replica's.
LIFETIME = 10.0


@dataclass(slots=True)
class _Snapshot:
    """The messages of one sequence, encoded once, and only as far as somebody has asked."""

    sequence: int
    began: float
    asked: float
    rest: Iterator[Frames]
    messages: list[Frames] = field(default_factory=list)

    def message(self, number: int) -> Frames | None:
        while len(self.messages) <= number:
            payload = next(self.rest, None)
            if payload is None:
                return None
            self.messages.append(payload)
        return self.messages[number]


@dataclass(slots=True)
class _Reader:
    """A request and how far it is answered; without `snapshot` to its end: late credit changes nothing."""

    request: int
    snapshot: _Snapshot | None
    asked: float
    sent: int = 0


class Publisher:
    """One table. Each call returns the messages to send, already in order.

    Before the table is complete (`synced`) nothing of it is sent: half a table is of use to nobody.
    """

    def __init__(self, table: str, epoch: str) -> None:
        self.table = table
        self.epoch = epoch
        self.sequence = 0
        self.synced = False
        self.rows: dict[str, Row] = {}
        self.held: frozenset[str] = frozenset()
        self._at = 0.0
        self._readers: dict[str, _Reader] = {}
        self._newest: _Snapshot | None = None

    def publish(
        self,
        puts: Mapping[str, Row],
        deletes: Iterable[str],
        *,
        synced: bool | None,
        held: frozenset[str] | None,
        at: float,
    ) -> list[Frames]:
        """Changes the table by one batch; None for `synced` and `held` leaves them.

        Equal rows are no change. A table that was complete once stays so. What is put and deleted is put.
        """
        changed = {key: row for key, row in puts.items() if self.rows.get(key) != row}
        gone = tuple(dict.fromkeys(key for key in deletes if key in self.rows and key not in puts))
        held = self.held if held is None else held
        complete = self.synced or synced is True
        if not changed and not gone and held == self.held and complete == self.synced:
            return []
        self.rows.update(changed)
        for key in gone:
            del self.rows[key]
        self.held, self._at = held, at
        self.sequence += 1
        first, self.synced = complete and not self.synced, complete
        if not complete:
            return []
        if first or _size(changed, gone) > BATCH_BYTES:
            return [self.beat()]
        return frames.batch(self.table, Batch(self.epoch, self.sequence, changed, gone, held, at))

    def beat(self) -> Frames:
        """The heartbeat: it tells a replica what it has missed."""
        return frames.beat(self.table, Beat(self.epoch, self.sequence, self.synced))

    def expire(self, now: float) -> None:
        """Forgets the snapshots that nobody reads on, and the newest when nobody else has come for it."""
        if self._newest is not None and now - self._newest.asked > SHARED:
            self._newest = None
        for inbox in [inbox for inbox, reader in self._readers.items() if now - reader.asked > IDLE]:
            del self._readers[inbox]

    def answer(self, request: Request, now: float) -> list[Frames]:
        """What a replica has asked for and not yet been sent; nothing while too many others are served, for
        a replica asks again.
        """
        if not self.synced:
            return [self.beat()]
        reader = self._readers.get(request.inbox)
        if reader is None or reader.request != request.request:
            self._readers.pop(request.inbox, None)
            snapshot = self._current(now)
            if snapshot is None or len(self._readers) >= READERS:
                return []
            reader = self._readers[request.inbox] = _Reader(request.request, snapshot, now)
        reader.asked = now
        answer: list[Frames] = []
        while reader.snapshot is not None and reader.sent < request.through and len(answer) < CREDIT:
            payload = reader.snapshot.message(reader.sent)
            if payload is None:
                reader.snapshot = None
                break
            answer.append(frames.addressed(request.inbox, request.request, payload))
            reader.sent += 1
        return answer

    def _current(self, now: float) -> _Snapshot | None:
        """The snapshot of this sequence, shared by all who ask now; None while others take all room."""
        self.expire(now)
        live = {id(reader.snapshot): reader.snapshot for reader in self._readers.values() if reader.snapshot}
        if self._newest is not None and self._newest.sequence == self.sequence:
            self._newest.asked = now
            return self._newest
        if len(live) >= SNAPSHOTS:
            oldest = min(live.values(), key=lambda snapshot: snapshot.began)
            if now - oldest.began < LIFETIME:
                return None
            self._readers = {
                inbox: reader for inbox, reader in self._readers.items() if reader.snapshot is not oldest
            }
        template = Chunk(0, self.epoch, self.sequence, 0, last=False, puts={}, held=self.held, at=self._at)
        self._newest = _Snapshot(self.sequence, now, now, _messages(template, list(self.rows.items())))
        return self._newest


def _size(puts: Mapping[str, Row], deletes: tuple[str, ...]) -> int:
    listed = sum(len(key) + ROW_BYTES for key in (*puts, *deletes))
    return listed + sum(len(row.body) + sum(map(len, row.needs)) for row in puts.values())


def _messages(at: Chunk, rows: list[tuple[str, Row]]) -> Iterator[Frames]:
    """A snapshot's messages: chunks of about a piece each, a longer row in as many pieces as it takes."""
    number, start, size = 0, 0, 0
    for end, (key, row) in enumerate(rows):
        cost = _size({key: row}, ())
        if end > start and size + cost > PIECE_BYTES:
            yield from _chunk(at, number, rows[start:end], last=False)
            number, start, size = number + 1, end, 0
        size += cost
    yield from _chunk(at, number, rows[start:], last=True)


def _chunk(at: Chunk, number: int, rows: list[tuple[str, Row]], *, last: bool) -> list[Frames]:
    return frames.chunk(
        Chunk(0, at.epoch, at.sequence, number, last, dict(rows), at.held if last else frozenset(), at.at)
    )
