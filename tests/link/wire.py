"""A network between cores that loses, doubles and reorders, with publishers that restart and take turns."""

from collections.abc import Mapping

from runtime.link import frames
from runtime.link.publisher import Publisher
from runtime.link.replica import Replica
from runtime.link.row import Row


class Wire:
    """One replica, connected to one of two publishers at a time; `now` passes by hand.

    `wrong` notes each moment at which the replica held what its publisher has never had.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.replica = Replica("objects", "inbox")
        self.down: list[list[bytes]] = []
        self.up: list[bytes] = []
        self.taken: dict[str, Row] = {}
        self.synced = False
        self.wrong: list[str] = []
        self._history: dict[tuple[str, int], dict[str, Row]] = {}
        self._epochs = 0
        self.publishers = [self._started(), self._started()]
        self.connected = 0

    @property
    def publisher(self) -> Publisher:
        return self.publishers[self.connected]

    def _started(self) -> Publisher:
        self._epochs += 1
        return Publisher("objects", f"epoch-{self._epochs}")

    def publish(
        self,
        at: int,
        puts: Mapping[str, Row],
        deletes: tuple[str, ...] = (),
        *,
        held: frozenset[str] | None = None,
    ) -> None:
        publisher = self.publishers[at]
        sent = publisher.publish(puts, deletes, synced=True, held=held, at=0.0)
        self._history[publisher.epoch, publisher.sequence] = dict(publisher.rows)
        if at == self.connected:
            self.down += sent

    def restart(self, at: int) -> None:
        """A new process: it knows nothing yet, and what was under way to and from it is lost."""
        self.publishers[at] = self._started()
        if at == self.connected:
            self.up.clear()

    def switch(self) -> None:
        """The replica goes to the other publisher, with a new connection."""
        self.connected = 1 - self.connected
        self.down.clear()
        self.up.clear()
        self.replica.reconnected(f"inbox-{self.now}", self.now)

    def beat(self) -> None:
        self.down.append(self.publisher.beat())

    def lose(self, at: int) -> None:
        if self.down:
            del self.down[at % len(self.down)]

    def double(self, at: int) -> None:
        if self.down:
            self.down.insert(at % len(self.down), self.down[at % len(self.down)])

    def delay(self, at: int) -> None:
        """One message is passed by all others."""
        if self.down:
            self.down.append(self.down.pop(at % len(self.down)))

    def lose_requests(self) -> None:
        self.up.clear()

    def deliver(self, count: int) -> None:
        """So many messages arrive, and what the replica asks for thereby is answered."""
        for _ in range(count):
            if self.down:
                before = self.replica.epoch, self.replica.sequence
                self.replica.receive(self.down.pop(0), self.now)
                self._check(*before)
            self.up += self.replica.requests(self.now)
        for request in self.up:
            self.down += self.publisher.answer(frames.read_request(request), self.now)
        self.up.clear()

    def _check(self, epoch: str, sequence: int) -> None:
        """A batch is applied whole or not at all, and nothing goes back to what was before."""
        now = self.replica.epoch, self.replica.sequence
        had = self._history.get(now, {})
        kept = self.replica._held
        beside = {name: row.origin or name for name, row in self.replica.rows.items() if name not in had}
        if {**self.replica.rows, **had} != self.replica.rows or not kept.issuperset(beside.values()):
            self.wrong.append(f"{self.replica.rows} at {now}, not {had}")
        if now[0] == epoch and now[1] < sequence:
            self.wrong.append(f"back from {sequence} to {now}")

    def take(self) -> None:
        """The consumer takes what has changed, and keeps the table that follows from it."""
        change = self.replica.take()
        if change.deletes & change.puts.keys():
            self.wrong.append(f"both put and deleted: {change}")
        self.taken.update(change.puts)
        for key in change.deletes:
            self.taken.pop(key, None)
        self.synced = change.synced

    def calm(self) -> None:
        """Nothing is lost any more: heartbeats, time and deliveries, until nothing is on the way."""
        for _ in range(12):
            self.now += 2.5
            self.publisher.expire(self.now)
            self.beat()
            while self.down:
                self.deliver(len(self.down))
            self.deliver(1)
        self.take()
