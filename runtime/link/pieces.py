"""Long messages in pieces, so that no message on a link is long and a queue of so many is of bounded size."""

import struct
from collections.abc import Sequence
from hashlib import blake2b

# Both ends refuse another number: during a rolling upgrade the old and new ends each wait for their like.
FORMAT = 1
# libzmq bounds its queues by messages, not by bytes. With the high-water mark of `socket` this is 64 MiB for
# a replica that reads nothing; a batch of a hundred rows is still one message.
PIECE_BYTES = 64 * 1024
# A message of more is refused: Kubernetes' largest object is 1.5 MiB, all hosts' listener head about as much.
LONGEST_BYTES = 256 * 1024 * 1024

Frames = list[bytes]

# Format, digest of the whole message (it tells its pieces from others'), offset of this piece, length of the
# whole message.
_HEAD = struct.Struct(">B8sII")


class FormatError(ValueError):
    """These bytes are no message of this format."""


def cut(header: bytes, bodies: bytes) -> list[Frames]:
    """What follows topic and tag: `[header, bodies]` once, or as many `[piece]` as it takes.

    The header is JSON in one line, so a line end separates it from the bodies.
    """
    if len(header) + len(bodies) <= PIECE_BYTES:
        return [[header, bodies]]
    whole = b"%b\n%b" % (header, bodies)
    digest, size = blake2b(whole, digest_size=8).digest(), len(whole)
    return [
        [_HEAD.pack(FORMAT, digest, offset, size) + whole[offset : offset + PIECE_BYTES]]
        for offset in range(0, size, PIECE_BYTES)
    ]


class Joiner:
    """Joins the pieces of one publisher, which come in order. A message with a piece missing is lost, as one
    that was dropped whole is.
    """

    def __init__(self) -> None:
        self._digest = b""
        self._parts: list[bytes] = []
        self._have = 0

    def join(self, message: Sequence[bytes]) -> Sequence[bytes] | None:
        """A whole message, or None while pieces of it are missing. Raises FormatError."""
        if len(message) != 3:
            return message
        topic, tag, piece = message
        if len(piece) < _HEAD.size:
            raise FormatError("a piece without its head")
        version, digest, offset, size = _HEAD.unpack_from(piece)
        if version != FORMAT or size > LONGEST_BYTES:
            raise FormatError(f"a piece of format {version}, {size} bytes in all; expected format {FORMAT}")
        if offset == 0:
            self._digest, self._parts, self._have = digest, [], 0
        if digest != self._digest or offset != self._have:
            return None
        self._parts.append(piece[_HEAD.size :])
        self._have += len(piece) - _HEAD.size
        return self._joined(topic, tag) if self._have >= size else None

    def _joined(self, topic: bytes, tag: bytes) -> Frames:
        header, _, bodies = b"".join(self._parts).partition(b"\n")
        self._digest, self._parts, self._have = b"", [], 0
        return [topic, tag, header, bodies]
