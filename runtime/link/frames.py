"""The wire format of a link.

Downstream a message is `[topic, tag, header, bodies]`: the topic is a table's or one replica's inbox, the tag
is the number of a replica's request (empty for what all get), the header is JSON, and the bodies of its rows
are joined in the last frame. So a message of any number of rows is four frames, and no body is encoded twice.
A message that is longer than a piece travels as several of `[topic, tag, piece]`, see `pieces`.
Upstream (XSUB to XPUB) a request is a single frame: one marker byte, then JSON. The first bytes 0 and 1 are
ZeroMQ's own, for subscriptions.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from runtime.link.pieces import FORMAT, FormatError, Frames, cut
from runtime.link.row import Row

MARKER = b"\x02"


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
    """A part of a snapshot of the table at `sequence`, in answer to `request`; `at` is that of its last
    batch.
    """

    request: int
    epoch: str
    sequence: int
    number: int
    last: bool
    puts: Mapping[str, Row]
    held: frozenset[str]
    at: float


@dataclass(frozen=True, slots=True)
class Request:
    """A replica asks for the messages of a snapshot up to `through`; a new `request` begins a new snapshot.

    `through` is its credit: the publisher sends no more messages than that before the next request.
    """

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


def tag(request: int) -> bytes:
    """Marks what answers a request."""
    return b"%d" % request


def beat(table: str, message: Beat) -> Frames:
    """The frames of a heartbeat."""
    header = _header("beat", message.epoch, message.sequence) | {"synced": message.synced}
    return [table_topic(table), b"", orjson.dumps(header), b""]


def batch(table: str, message: Batch) -> list[Frames]:
    """The messages of a batch: one, or pieces."""
    header = _header("batch", message.epoch, message.sequence) | {
        "puts": _listed(message.puts.items()),
        "deletes": message.deletes,
        "held": sorted(message.held),
        "at": message.at,
    }
    bodies = b"".join(row.body for row in message.puts.values())
    return [[table_topic(table), b"", *payload] for payload in cut(orjson.dumps(header), bodies)]


def chunk(message: Chunk) -> list[Frames]:
    """What follows topic and tag in the messages of a chunk, the same for every replica that asks."""
    header = _header("chunk", message.epoch, message.sequence) | {
        "number": message.number,
        "last": message.last,
        "puts": _listed(message.puts.items()),
        "held": sorted(message.held),
        "at": message.at,
    }
    return cut(orjson.dumps(header), b"".join(row.body for row in message.puts.values()))


def addressed(inbox: str, request: int, payload: Frames) -> Frames:
    """A message of a chunk on its way to one replica."""
    return [inbox_topic(inbox), tag(request), *payload]


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


def read(message: Sequence[bytes]) -> Beat | Batch | Chunk:
    """What came from a publisher, its pieces joined. Raises FormatError."""
    try:
        _, request, head, bodies = message
        header = _loaded(head)
        epoch, sequence = _text(header["epoch"]), _count(header["sequence"])
        match header["kind"]:
            case "beat":
                return Beat(epoch, sequence, header["synced"] is True)
            case "batch":
                deletes = tuple(_text(key) for key in header["deletes"])
                puts = _rows(header["puts"], bodies)
                return Batch(epoch, sequence, puts, deletes, _held(header), float(header["at"]))
            case "chunk":
                return Chunk(
                    int(request),
                    epoch,
                    sequence,
                    _count(header["number"]),
                    header["last"] is True,
                    _rows(header["puts"], bodies),
                    _held(header),
                    float(header["at"]),
                )
            case kind:
                return _refused(f"kind {kind!r}")
    except (ValueError, TypeError, LookupError, OverflowError) as error:
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
    except (ValueError, TypeError, LookupError) as error:
        raise FormatError(f"{type(error).__name__}: {error}") from error


def _header(kind: str, epoch: str, sequence: int) -> dict[str, Any]:
    return {"format": FORMAT, "kind": kind, "epoch": epoch, "sequence": sequence}


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
        names = tuple(_text(need) for need in needs) if needs else ()
        # One string for all rows of an origin: of a cluster's there are seven.
        rows[_text(key)] = Row(_text(version), bodies[at:end], names, sys.intern(_text(origin)))
        at = end
    if at != len(bodies):
        raise FormatError(f"{len(bodies)} bytes of bodies, {at} announced")
    return rows


def _held(header: Any) -> frozenset[str]:  # noqa: ANN401 - JSON
    return frozenset(_text(origin) for origin in header["held"])


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    if not isinstance(value, str):
        raise FormatError(f"expected text, found {type(value).__name__}")
    return value


def _count(value: Any) -> int:  # noqa: ANN401 - JSON
    if not isinstance(value, int) or value < 0:
        raise FormatError("expected a count")
    return value
