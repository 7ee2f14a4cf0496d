"""What every model of a peer does: requests and responses are under way until they are delivered."""

from collections import deque

from tests.xds.world import World
from xds_server.resource_type import BY_KEY
from xds_server.service import Method

Held = dict[str, dict[str, tuple[str, bytes]]]


class Peer:
    """A client of one stream after the other. `held[type][name]` is the version and the body of a resource.

    `wrong` lists what a server must never do.
    """

    delta = True

    def __init__(self, world: World) -> None:
        self.world = world
        self.held: Held = {key: {} for key in BY_KEY}
        self.wrong: list[str] = []
        self.connect()

    def connect(self) -> None:
        """Another stream, with nothing under way; what is held stays."""
        self.stream = self.world.server.open(
            Method(delta=self.delta), peer="unix:", secure=True, now=self.world.now
        )
        self.requests: deque[bytes] = deque()
        self.responses: deque[bytes] = deque()
        self.begin()

    def begin(self) -> None:
        """The first requests of a stream."""
        raise NotImplementedError

    def take(self, data: bytes) -> None:
        """A response has arrived."""
        raise NotImplementedError

    def reconnect(self) -> None:
        self.world.server.close(self.stream, self.world.now)
        self.connect()

    def pull(self, most: int = 100) -> int:
        """The server writes up to so many responses; how many it had."""
        for number in range(most):
            data = self.world.server.pull(self.stream, self.world.now)
            if data is None:
                return number
            self.responses.append(data)
        return most

    def say(self, most: int = 100) -> int:
        """Up to so many requests arrive at the server."""
        number = min(most, len(self.requests))
        for _ in range(number):
            self.world.server.receive(self.stream, self.requests.popleft())
        return number

    def hear(self, most: int = 100) -> int:
        """Up to so many responses arrive here."""
        number = min(most, len(self.responses))
        for _ in range(number):
            self.take(self.responses.popleft())
        return number

    def calm(self) -> None:
        """Everything arrives, and every wait ends."""
        for _ in range(200):
            if self.pull() + self.say() + self.hear():
                continue
            if (deadline := self.stream.deadline) is None:
                return
            self.world.now = max(self.world.now, deadline)
        raise AssertionError("it never ends")
