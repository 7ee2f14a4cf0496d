"""The core of a replica: it holds what a publisher's table holds, through losses and restarts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from runtime.link import frames
from runtime.link.frames import Batch, Beat, Chunk, Request
from runtime.link.pieces import FormatError, Joiner
from runtime.link.row import Change, Row

# Messages of a snapshot that may be under way to us at once: the credit that we give, 2 MiB.
WINDOW = 32
# Bytes of batches kept while a snapshot is under way; with more a newer snapshot is the quicker way.
BUFFER_BYTES = 32 * 1024 * 1024
# Seconds without progress after which a snapshot is asked for again, by tries; the last holds for all more.
PATIENCE = (0.5, 1.0, 2.0)
# Seconds without a message, of which a heartbeat is one, after which a publisher is lost.
LOST_SECONDS = 4.0


@dataclass(slots=True)
class _Assembly:
    """A snapshot under way. `due`: when to ask, or, `asked`, when to lose patience."""

    request: int
    epoch: str
    due: float
    asked: bool = False
    received: int = 0
    chunks: list[Chunk] = field(default_factory=list)


@dataclass(slots=True)
class Counters:
    """What happened to a replica since it was made."""

    batches: int = 0
    snapshots: int = 0
    resyncs: int = 0
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
        self._connected = 0.0
        self._joiner = Joiner()
        self._held: frozenset[str] = frozenset()
        self._retained: set[str] = set()  # rows of held origins that the publisher doesn't have
        self._assembly: _Assembly | None = None
        self._buffer: list[Batch] = []  # batches that came while a snapshot was under way
        self._buffered = 0  # their bytes
        self._request = 0
        self._tries = 0
        self._puts: dict[str, Row] = {}
        self._deletes: set[str] = set()
        self._at = 0.0
        self._told = False

    def receive(self, message: Sequence[bytes], now: float) -> None:
        """Takes a message of the publisher; what is none is counted, and otherwise as if it were lost."""
        try:
            whole = self._joiner.join(message)
            read = None if whole is None else frames.read(whole)
        except FormatError:
            self.counters.refused += 1
            return
        self.heard = now
        self._progress(message[1], now)
        match read:
            case Beat():
                self._beat(read, now)
            case Batch():
                self._batch(read, now)
            case Chunk():
                self._chunk(read, now)

    def reconnected(self, inbox: str, now: float) -> None:
        """The connection is another one, perhaps to another publisher: nothing of the old one will arrive."""
        self.inbox = inbox
        self.heard, self._connected = None, now
        self._joiner = Joiner()
        self._assembly = None
        self._buffer, self._buffered = [], 0
        self._tries = 0

    def requests(self, now: float) -> list[bytes]:
        """What is to be sent upstream now."""
        assembly = self._assembly
        if assembly is None or now < assembly.due:
            return []
        if assembly.asked:
            self._tries += 1
            assembly = self._ask(assembly.epoch, now)
        assembly.asked, assembly.due = True, now + self._patience
        through = assembly.received + WINDOW
        return [frames.request(Request(self.table, self.inbox, assembly.request, through))]

    def deadline(self) -> float | None:
        """When `requests` is to be called although nothing arrives; None for never."""
        return None if self._assembly is None else self._assembly.due

    def lost(self, now: float) -> bool:
        """Whether nothing has come of this connection for LOST_SECONDS: another publisher may have more."""
        return now >= (self._connected if self.heard is None else self.heard) + LOST_SECONDS

    @property
    def changed(self) -> bool:
        """Whether `take` has something."""
        return bool(self._puts or self._deletes) or self._told != self.synced

    def take(self) -> Change:
        """All that has changed since the last call."""
        change = Change(self._puts, frozenset(self._deletes), self.synced, self._at)
        self._puts, self._deletes, self._at, self._told = {}, set(), 0.0, self.synced
        return change

    @property
    def _patience(self) -> float:
        return PATIENCE[min(self._tries, len(PATIENCE) - 1)]

    def _progress(self, tag: bytes, now: float) -> None:
        """Counts the messages of a snapshot, and gives credit for more by halves of the window: a request for
        each would double the messages.
        """
        assembly = self._assembly
        if assembly is None or tag != frames.tag(assembly.request):
            return
        assembly.received += 1
        if assembly.received % (WINDOW // 2) == 0:
            assembly.asked = False
        assembly.due = now + self._patience if assembly.asked else now

    def _ask(self, epoch: str, now: float, wait: float = 0.0) -> _Assembly:
        self._request += 1
        self._assembly = _Assembly(self._request, epoch, now + wait)
        return self._assembly

    def _beat(self, beat: Beat, now: float) -> None:
        if not beat.synced:
            self._assembly = None  # it has restarted, and will say when it has all there is
        elif self._assembly is not None:
            if self._assembly.epoch != beat.epoch:
                self._tries = 0
                self._ask(beat.epoch, now)
        elif not self.synced or beat.epoch != self.epoch or beat.sequence > self.sequence:
            self.counters.resyncs += self.synced
            self._ask(beat.epoch, now)

    def _batch(self, batch: Batch, now: float) -> None:
        if self._assembly is not None:
            self._keep(batch)
        elif batch.epoch != self.epoch or not self.synced or batch.sequence > self.sequence + 1:
            self.counters.resyncs += self.synced
            self._ask(batch.epoch, now)
            self._keep(batch)
        elif batch.sequence == self.sequence + 1:
            self._apply(batch)

    def _keep(self, batch: Batch) -> None:
        self._buffered += sum(len(row.body) for row in batch.puts.values()) + 1000
        if self._buffered > BUFFER_BYTES:
            self._buffer, self._buffered = [], 0
        self._buffer.append(batch)

    def _chunk(self, chunk: Chunk, now: float) -> None:
        assembly = self._assembly
        if assembly is None or chunk.request != assembly.request or chunk.number < len(assembly.chunks):
            return
        first = assembly.chunks[0] if assembly.chunks else chunk
        if chunk.number != len(assembly.chunks) or (chunk.epoch, chunk.sequence) != (
            first.epoch,
            first.sequence,
        ):
            # Something on the way was dropped, so somebody has too much to do: not at once again.
            wait = self._patience
            self._tries += 1
            self._ask(chunk.epoch, now, wait)
            return
        assembly.chunks.append(chunk)
        if chunk.last:
            self._assembly = None
            self._tries = 0
            self._install(assembly.chunks)
            self._catch_up(now)

    def _install(self, chunks: list[Chunk]) -> None:
        """Goes over to a snapshot: only what differs from what is held is a change."""
        self.counters.snapshots += 1
        last = chunks[-1]
        new: dict[str, Row] = {}
        for chunk in chunks:
            new.update(chunk.puts)
        self._held = last.held
        missing = [key for key in self.rows if key not in new]
        self._retained = {key for key in missing if (self.rows[key].origin or key) in last.held}
        one_behind = (last.epoch, last.sequence) == (self.epoch, self.sequence + 1)
        self._change(
            new, [key for key in missing if key not in self._retained], last.at if one_behind else 0.0
        )
        self.epoch, self.sequence, self.synced = last.epoch, last.sequence, True

    def _catch_up(self, now: float) -> None:
        """Applies what came while the snapshot was under way; another publisher's is of no use any more."""
        buffer, self._buffer, self._buffered = self._buffer, [], 0
        for batch in sorted(buffer, key=lambda batch: batch.sequence):
            if batch.epoch == self.epoch:
                self._batch(batch, now)

    def _apply(self, batch: Batch) -> None:
        self.counters.batches += 1
        self.sequence = batch.sequence
        self._retained.difference_update(batch.puts, batch.deletes)
        gone = set(batch.deletes)
        if batch.held != self._held:
            self._held = batch.held
            released = {key for key in self._retained if (self.rows[key].origin or key) not in batch.held}
            self._retained -= released
            gone |= released
        self._change(batch.puts, gone.difference(batch.puts), batch.at)

    def _change(self, puts: Mapping[str, Row], deletes: Iterable[str], at: float) -> None:
        changed = {key: row for key, row in puts.items() if self.rows.get(key) != row}
        gone = [key for key in deletes if key in self.rows]
        self.rows.update(changed)
        self._puts.update(changed)
        self._deletes.difference_update(changed)
        for key in gone:
            del self.rows[key]
            self._puts.pop(key, None)
        self._deletes.update(gone)
        if at and (changed or gone) and (not self._at or at < self._at):
            self._at = at
