"""The core of a publisher: one table, what has changed in it as batches, and snapshots on request."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from runtime.link import frames
from runtime.link.frames import Batch, Beat, Frames, Request
from runtime.link.row import Row

# A batch with more bytes than this isn't sent: replicas notice that they are behind and take a snapshot,
# which comes in chunks and at their own pace. With SNDHWM of the edge it bounds what a stuck one can cost.
BATCH_BYTES = 256 * 1024
CHUNK_BYTES = 256 * 1024
CHUNK_ROWS = 1000
# Snapshots under way at once; the oldest gives way, and its replica asks again after a while.
SNAPSHOTS = 16
# Seconds after which a snapshot that nobody asks for more of is forgotten.
IDLE = 10.0


@dataclass(slots=True)
class _Snapshot:
    """The chunks of one sequence, encoded once; `chunks` grows from `rest` as somebody asks for more."""

    sequence: int
    chunks: list[Frames]
    rest: Iterator[Frames]

    def chunk(self, number: int) -> Frames | None:
        self.chunks.extend(islice(self.rest, max(0, number + 1 - len(self.chunks))))
        return self.chunks[number] if number < len(self.chunks) else None


@dataclass(slots=True)
class _Reader:
    request: int
    snapshot: _Snapshot
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
        self._snapshot: _Snapshot | None = None
        self._readers: dict[str, _Reader] = {}

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

        Equal rows are no change.
        """
        changed = {key: row for key, row in puts.items() if self.rows.get(key) != row}
        gone = tuple(key for key in deletes if key in self.rows and key not in puts)
        held = self.held if held is None else held
        complete = self.synced or synced is True
        if not changed and not gone and held == self.held and complete == self.synced:
            return []
        self.rows.update(changed)
        for key in gone:
            del self.rows[key]
        self.held = held
        self.sequence += 1
        self._snapshot = None
        first, self.synced = complete and not self.synced, complete
        if not complete:
            return []
        if first or sum(len(row.body) for row in changed.values()) > BATCH_BYTES:
            return [self.beat()]
        return [frames.batch(self.table, Batch(self.epoch, self.sequence, changed, gone, held, at))]

    def beat(self) -> Frames:
        """The heartbeat: it tells a replica what it has missed."""
        return frames.beat(self.table, Beat(self.epoch, self.sequence, self.synced))

    def expire(self, now: float) -> None:
        """Forgets the snapshots that nobody reads on."""
        for inbox in [inbox for inbox, reader in self._readers.items() if now - reader.asked > IDLE]:
            del self._readers[inbox]

    def answer(self, request: Request, now: float) -> list[Frames]:
        """The chunks that a replica has asked for and not yet been sent."""
        if not self.synced:
            return [self.beat()]
        reader = self._readers.get(request.inbox)
        if reader is None or reader.request != request.request:
            self._readers.pop(request.inbox, None)
            if len(self._readers) >= SNAPSHOTS:
                del self._readers[next(iter(self._readers))]
            reader = self._readers[request.inbox] = _Reader(request.request, self._current(), now)
        reader.asked = now
        answer = []
        while reader.sent < request.through:
            chunk = reader.snapshot.chunk(reader.sent)
            if chunk is None:
                self._readers.pop(request.inbox)
                break
            answer.append(frames.addressed(request.inbox, request.request, chunk))
            reader.sent += 1
        return answer

    def _current(self) -> _Snapshot:
        if self._snapshot is None:
            self._snapshot = _Snapshot(self.sequence, [], self._chunks(list(self.rows.items())))
        return self._snapshot

    def _chunks(self, rows: list[tuple[str, Row]]) -> Iterator[Frames]:
        at, held = Beat(self.epoch, self.sequence, self.synced), self.held
        number, start, size = 0, 0, 0
        for end, (_, row) in enumerate(rows):
            if end > start and (size + len(row.body) > CHUNK_BYTES or end - start >= CHUNK_ROWS):
                yield frames.chunk(at, number, rows[start:end], held, last=False)
                number, start, size = number + 1, end, 0
            size += len(row.body)
        yield frames.chunk(at, number, rows[start:], held, last=True)
