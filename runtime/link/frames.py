"""The wire format of a link.

Downstream a message is `[topic, tag, header, bodies]`: the topic is a table's or one replica's inbox, the tag
is the number of a replica's request (empty for what all get), the header is JSON, and the bodies of its rows
are joined in the last frame, so a batch of any size is four frames and no byte is encoded twice.
Upstream (XSUB to XPUB) a request is a single frame: one marker byte, then JSON. The first bytes 0 and 1 are
ZeroMQ's own, for subscriptions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from runtime.link.row import Row

# Both ends refuse another number: during a rolling upgrade the old and new ends each wait for their like.
FORMAT = 1
MARKER = b"\x02"

Frames = list[bytes]


class FormatError(ValueError):
    """These bytes are no message of this format."""


@dataclass(frozen=True, slots=True)
class Beat:
    """The publisher lives; its table stands at `sequence`, and is complete when `synced`."""

    epoch: str
    sequence: int
    synced: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """One decision of the publisher, applied whole. `held`: the origins that it can't know now."""

    epoch: str
    sequence: int
    puts: Mapping[str, Row]
    deletes: tuple[str, ...]
    held: frozenset[str]
    at: float


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a snapshot of the table at `sequence`, in answer to `request`."""

    request: int
    epoch: str
    sequence: int
    number: int
    last: bool
    puts: Mapping[str, Row]
    held: frozenset[str]


@dataclass(frozen=True, slots=True)
class Request:
    """A replica asks for the chunks of a snapshot below `through`; a new `request` begins a new snapshot."""

    table: str
    inbox: str
    request: int
    through: int


def table_topic(table: str) -> bytes:
    """What a replica of that table subscribes to."""
    return b"t/%s/" % table.encode()


def inbox_topic(inbox: str) -> bytes:
    """What one replica alone subscribes to."""
    return b"i/%s/" % inbox.encode()


def beat(table: str, message: Beat) -> Frames:
    """The frames of a heartbeat."""
    header = {"format": FORMAT, "kind": "beat", "epoch": message.epoch, "sequence": message.sequence}
    return [table_topic(table), b"", orjson.dumps(header | {"synced": message.synced}), b""]


def batch(table: str, message: Batch) -> Frames:
    """The frames of a batch."""
    header = {
        "format": FORMAT,
        "kind": "batch",
        "epoch": message.epoch,
        "sequence": message.sequence,
        "puts": _listed(message.puts.items()),
        "deletes": message.deletes,
        "held": sorted(message.held),
        "at": message.at,
    }
    return [
        table_topic(table),
        b"",
        orjson.dumps(header),
        b"".join(row.body for row in message.puts.values()),
    ]


def chunk(
    at: Beat, number: int, rows: Sequence[tuple[str, Row]], held: frozenset[str], *, last: bool
) -> Frames:
    """Header and bodies of a chunk, the same for every replica that asks at this sequence."""
    header = {
        "format": FORMAT,
        "kind": "chunk",
        "epoch": at.epoch,
        "sequence": at.sequence,
        "number": number,
        "last": last,
        "puts": _listed(rows),
        "held": sorted(held),
    }
    return [orjson.dumps(header), b"".join(row.body for _, row in rows)]


def addressed(inbox: str, request: int, chunk: Frames) -> Frames:
    """A chunk on its way to one replica."""
    return [inbox_topic(inbox), b"%d" % request, *chunk]


def request(message: Request) -> bytes:
    """The single frame of a request."""
    fields = {
        "format": FORMAT,
        "table": message.table,
        "inbox": message.inbox,
        "request": message.request,
        "through": message.through,
    }
    return MARKER + orjson.dumps(fields)


def read(frames: Sequence[bytes]) -> Beat | Batch | Chunk:
    """What came from a publisher. Raises FormatError."""
    try:
        _, tag, head, bodies = frames
        header = _loaded(head)
        epoch, sequence = _text(header["epoch"]), _count(header["sequence"])
        match header["kind"]:
            case "beat":
                return Beat(epoch, sequence, header["synced"] is True)
            case "batch":
                return Batch(
                    epoch,
                    sequence,
                    _rows(header["puts"], bodies),
                    tuple(_text(key) for key in header["deletes"]),
                    frozenset(_text(origin) for origin in header["held"]),
                    float(header["at"]),
                )
            case "chunk":
                return Chunk(
                    int(tag),
                    epoch,
                    sequence,
                    _count(header["number"]),
                    header["last"] is True,
                    _rows(header["puts"], bodies),
                    frozenset(_text(origin) for origin in header["held"]),
                )
            case kind:
                return _refused(f"kind {kind!r}")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FormatError(f"{type(error).__name__}: {error}") from error


def read_request(frame: bytes) -> Request:
    """What came from a replica. Raises FormatError."""
    if frame[:1] != MARKER:
        raise FormatError("no request")
    try:
        fields = _loaded(frame[1:])
        return Request(
            _text(fields["table"]),
            _text(fields["inbox"]),
            _count(fields["request"]),
            _count(fields["through"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise FormatError(f"{type(error).__name__}: {error}") from error


def _loaded(data: bytes) -> Any:  # noqa: ANN401 - JSON
    fields = orjson.loads(data)
    if fields["format"] != FORMAT:
        _refused(f"format {fields['format']!r}, expected {FORMAT}")
    return fields


def _refused(why: str) -> NoReturn:
    raise FormatError(why)


def _listed(rows: Iterable[tuple[str, Row]]) -> list[tuple[Any, ...]]:
    return [(key, row.version, len(row.body), row.needs, row.origin) for key, row in rows]


def _rows(listed: list[Any], bodies: bytes) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    at = 0
    for key, version, length, needs, origin in listed:
        end = at + _count(length)
        rows[_text(key)] = Row(_text(version), bodies[at:end], tuple(needs), _text(origin))
        at = end
    if at != len(bodies):
        raise FormatError(f"{len(bodies)} bytes of bodies, {at} announced")
    return rows


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    if not isinstance(value, str):
        raise FormatError(f"expected text, found {type(value).__name__}")
    return value


def _count(value: Any) -> int:  # noqa: ANN401 - JSON
    if not isinstance(value, int) or value < 0:
        raise FormatError("expected a count")
    return value
