"""A ZeroMQ socket in the event loop."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence

import zmq

from runtime.link.pieces import PIECE_BYTES
from runtime.start_error import StartError

# Messages that libzmq keeps for one peer that does not read: 64 MiB, a message being a piece at most. What
# does not fit is dropped, noticed by the replica and made good by a snapshot.
HIGH_WATER = 1000
# A longer frame closes the connection. A piece has a head of 17 bytes.
MAX_FRAME = PIECE_BYTES + 1024
MAX_REQUEST = 4096
# Messages read in one go, before other tasks have their turn.
DRAIN = 200
LINGER_MS = 200
# Plain numbers: pyzmq's are of an enum, whose `|` costs more than to send a frame.
NOBLOCK, MORE, READABLE = int(zmq.NOBLOCK), int(zmq.NOBLOCK | zmq.SNDMORE), int(zmq.POLLIN)


class Socket:
    """A ZeroMQ socket in the event loop: reads in slices, never waits. Raises StartError: libzmq is old."""

    def __init__(
        self, context: "zmq.Context[zmq.Socket[bytes]]", kind: int, receive: Callable[[list[bytes]], None]
    ) -> None:
        if zmq.zmq_version_info() < (4, 3, 5):
            raise StartError(
                f"libzmq {zmq.zmq_version()}: 4.3.5 or newer is needed (CVE-2019-13132, CVE-2020-15166)"
            )
        self.zmq: zmq.Socket[bytes] = context.socket(kind)
        self.zmq.setsockopt(zmq.LINGER, LINGER_MS)
        self.zmq.setsockopt(zmq.SNDHWM, HIGH_WATER)
        self.zmq.setsockopt(zmq.RCVHWM, HIGH_WATER)
        self.zmq.setsockopt(zmq.IPV6, 1)
        self.zmq.setsockopt(zmq.IMMEDIATE, 1)
        self.zmq.setsockopt(zmq.RECONNECT_IVL, 20)
        self.zmq.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
        self.zmq.setsockopt(zmq.HANDSHAKE_IVL, 5000)
        self.zmq.setsockopt(zmq.HEARTBEAT_IVL, 1000)
        self.zmq.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3000)
        self.error: Exception | None = None
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._fd = int(self.zmq.getsockopt(zmq.FD))
        self._loop.add_reader(self._fd, self.drain)
        self._due: asyncio.Handle | None = None

    def send(self, message: Sequence[bytes]) -> bool:
        """Sends or drops, and says which; a replica without room drops too, unseen: that is noticed there."""
        *first, last = message
        try:
            for frame in first:
                self.zmq.send(frame, MORE)
            self.zmq.send(last, NOBLOCK)
        except zmq.Again:
            return False
        finally:
            self.check()
        return True

    def check(self) -> None:
        """The descriptor tells an edge, not a level, and any call may take the edge: what has come by now is
        read soon.
        """
        if self._due is None and int(self.zmq.getsockopt(zmq.EVENTS)) & READABLE:
            self._due = self._loop.call_soon(self.drain)

    def drain(self) -> None:
        """Reads what has arrived; with much of it other tasks have their turn between.

        What the receiver raises would be lost in the loop: it is kept in `error`, and ends the reading.
        """
        if self._due is not None:
            self._due.cancel()
            self._due = None
        for _ in range(DRAIN):
            try:
                message = self.zmq.recv_multipart(NOBLOCK)
            except zmq.Again:
                return
            try:
                self._receive(message)
            except Exception as error:  # noqa: BLE001 - ours, and raised where the socket's owner waits
                self.error = error
                return
            if self.zmq.closed:
                return
        self.check()

    def close(self) -> None:
        """Closes the socket; what is still to be sent has LINGER_MS."""
        if self._due is not None:
            self._due.cancel()
        self._loop.remove_reader(self._fd)
        self.zmq.close()


@contextlib.contextmanager
def own_context() -> "Iterator[zmq.Context[zmq.Socket[bytes]]]":
    """A context whose sockets, closed by then, are really gone at the end."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        yield context
    finally:
        context.term()
