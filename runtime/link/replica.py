"""The core of a replica: it holds what a publisher's table holds, through losses and restarts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runtime.link import frames
from runtime.link.frames import Batch, Beat, Chunk, FormatError, Request
from runtime.link.row import Change, Row

# Chunks that may be under way to us at once: the credit that we give.
WINDOW = 8
# Batches kept while a snapshot is under way; more of them mean that a newer snapshot is the quicker way.
BUFFER = 1000
# Seconds without a chunk after which a snapshot is asked for again; doubled up to the last.
PATIENCE = (0.25, 0.5, 1.0, 2.0, 4.0)


@dataclass(slots=True)
class _Assembly:
    """A snapshot under way."""

    request: int
    since: float
    chunks: list[Chunk] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)


@dataclass(slots=True)
class Counters:
    """What happened to a replica since it was made."""

    batches: int = 0
    snapshots: int = 0
    gaps: int = 0
    refused: int = 0


class Replica:
    """One table as its publisher has it. Frames and `now` (seconds, monotonic) come in; what to send upstream
    is pulled by `requests`, what has changed by `take`.

    What is held stays until a complete snapshot says otherwise, so whoever reads it serves on while the
    publisher is away, restarts or is another one.
    """

    def __init__(self, table: str, inbox: str) -> None:
        self.table = table
        self.inbox = inbox
        self.rows: dict[str, Row] = {}
        self.epoch = ""
        self.sequence = 0
        self.synced = False
        self.counters = Counters()
        self.heard: float | None = None
        self._held: frozenset[str] = frozenset()
        self._retained: set[str] = set()  # rows of held origins that the publisher doesn't have
        self._assembly: _Assembly | None = None
        self._request = 0
        self._tries = 0
        self._asked = True
        self._puts: dict[str, Row] = {}
        self._deletes: set[str] = set()
        self._at = 0.0
        self._told = False

    def receive(self, message: Sequence[bytes], now: float) -> None:
        """Takes a message of the publisher; what is none is counted, and otherwise as if it were lost."""
        try:
            read = frames.read(message)
        except FormatError:
            self.counters.refused += 1
            return
        self.heard = now
        match read:
            case Beat():
                self._beat(read, now)
            case Batch():
                self._batch(read, now)
            case Chunk():
                self._chunk(read, now)

    def reconnected(self, inbox: str) -> None:
        """The connection is another one, perhaps to another publisher: nothing of the old one will arrive."""
        self.inbox = inbox
        self.heard = None
        self._assembly = None
        self._tries = 0

    def requests(self, now: float) -> list[bytes]:
        """What is to be sent upstream now."""
        assembly = self._assembly
        if assembly is None:
            return []
        if now - assembly.since >= PATIENCE[min(self._tries, len(PATIENCE) - 1)]:
            self._tries += 1
            assembly = self._ask(now)
        if self._asked:
            return []
        self._asked = True
        through = len(assembly.chunks) + WINDOW
        return [frames.request(Request(self.table, self.inbox, assembly.request, through))]

    def deadline(self) -> float | None:
        """When `requests` is to be called again although nothing arrives; None for never."""
        if self._assembly is None:
            return None
        return self._assembly.since + PATIENCE[min(self._tries, len(PATIENCE) - 1)]

    @property
    def changed(self) -> bool:
        """Whether `take` has something."""
        return bool(self._puts or self._deletes) or self._told != self.synced

    def take(self) -> Change:
        """All that has changed since the last call."""
        change = Change(self._puts, frozenset(self._deletes), self.synced, self._at)
        self._puts, self._deletes, self._at, self._told = {}, set(), 0.0, self.synced
        return change

    def _beat(self, beat: Beat, now: float) -> None:
        if self._assembly is not None:
            if self._assembly.chunks and self._assembly.chunks[0].epoch != beat.epoch:
                self._ask(now)
        elif beat.synced and (not self.synced or (beat.epoch, beat.sequence) != (self.epoch, self.sequence)):
            self.counters.gaps += self.synced
            self._ask(now)

    def _ask(self, now: float) -> _Assembly:
        self._request += 1
        batches = self._assembly.batches if self._assembly else []
        self._assembly = _Assembly(self._request, now, batches=batches)
        self._asked = False
        return self._assembly

    def _batch(self, batch: Batch, now: float) -> None:
        if self._assembly is not None:
            if len(self._assembly.batches) >= BUFFER:
                self._assembly.batches.clear()
            self._assembly.batches.append(batch)
        elif batch.epoch != self.epoch or not self.synced or batch.sequence > self.sequence + 1:
            self.counters.gaps += 1
            self._ask(now)
            self._batch(batch, now)
        elif batch.sequence == self.sequence + 1:
            self._apply(batch)

    def _chunk(self, chunk: Chunk, now: float) -> None:
        assembly = self._assembly
        if assembly is None or chunk.request != assembly.request or chunk.number < len(assembly.chunks):
            return
        first = assembly.chunks[0] if assembly.chunks else chunk
        if chunk.number != len(assembly.chunks) or (chunk.epoch, chunk.sequence) != (
            first.epoch,
            first.sequence,
        ):
            self._ask(now)
            return
        assembly.chunks.append(chunk)
        assembly.since = now
        # Credit is given back by halves of the window: a request for each chunk would double the messages.
        self._asked = len(assembly.chunks) % (WINDOW // 2) != 0
        if chunk.last:
            self._assembly = None
            self._tries = 0
            self._install(assembly.chunks)
            for batch in assembly.batches:
                self._batch(batch, now)

    def _install(self, chunks: list[Chunk]) -> None:
        """Goes over to a snapshot: only what differs from what is held is a change."""
        self.counters.snapshots += 1
        last = chunks[-1]
        new: dict[str, Row] = {}
        for chunk in chunks:
            new.update(chunk.puts)
        self._held = last.held
        self._retained = {
            key for key, row in self.rows.items() if key not in new and (row.origin or key) in last.held
        }
        gone = [key for key in self.rows if key not in new and key not in self._retained]
        self._change({key: row for key, row in new.items() if self.rows.get(key) != row}, gone, 0.0)
        self.epoch, self.sequence, self.synced = last.epoch, last.sequence, True

    def _apply(self, batch: Batch) -> None:
        self.counters.batches += 1
        self.sequence = batch.sequence
        self._retained.difference_update(batch.puts, batch.deletes)
        gone = [key for key in batch.deletes if key in self.rows]
        if batch.held != self._held:
            self._held = batch.held
            released = {key for key in self._retained if (self.rows[key].origin or key) not in batch.held}
            self._retained -= released
            gone.extend(released)
        self._change(batch.puts, gone, batch.at)

    def _change(self, puts: Mapping[str, Row], deletes: list[str], at: float) -> None:
        self.rows.update(puts)
        self._puts.update(puts)
        self._deletes.difference_update(puts)
        for key in deletes:
            del self.rows[key]
            self._puts.pop(key, None)
            self._deletes.add(key)
        if at and (not self._at or at < self._at):
            self._at = at
