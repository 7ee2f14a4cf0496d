"""Whole messages from their bytes, by the library's own metadata; for tools, not for the hot path.

The library's `parse` spends 2 ms to validate each message inside, and takes a message that is cut short for a
whole one.
"""

import struct
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from runtime.wire.field_type import FieldType, field_types
from runtime.wire.reader import DecodeError, fields, read_varint
from runtime.wire.scalar import WIRE_TYPES
from runtime.wire.unchecked import unchecked
from runtime.wire.varint import field, tag, varint

if TYPE_CHECKING:  # as in encoder.py
    from betterproto2 import FieldMetadata, Message

M = TypeVar("M", bound="Message")
Occurrence = tuple[int, bytes, int]  # wire type, value, n: as `fields` gives them

MAX_DEPTH: Final = 100  # of messages in messages: the limit of google's own parsers


def decode(cls: type[M], data: bytes) -> M:
    """The message of class `cls` in `data`, its unknown fields kept. Raises DecodeError.

    Durations and timestamps are rounded to µs, since the library shows them as Python's own.
    """
    try:
        message: M = _message(cls, data, MAX_DEPTH)
    except (UnicodeDecodeError, OverflowError) as error:
        raise DecodeError(f"{cls.__name__}: {error}") from error
    return message


_constructor: Callable[[type], Callable[[], Any]] = cache(unchecked)


def _message(cls: type, data: bytes, depth: int) -> Any:  # noqa: ANN401 - an instance of `cls`
    if depth == 0:
        raise DecodeError(f"more than {MAX_DEPTH} messages in one another")
    types = field_types(cls)
    seen: dict[int, list[Occurrence]] = {}
    unknown: list[bytes] = []
    for number, wire_type, value, n in fields(data):
        known = types.get(number)
        if known is None or not _fits(known.meta, wire_type):
            unknown.append(_again(number, wire_type, value, n))
            continue
        for other in known.rivals:  # of a oneof the last counts
            seen.pop(other, None)
        seen.setdefault(number, []).append((wire_type, value, n))
    message: Any = _constructor(cls)()
    for number, occurrences in seen.items():
        message.__dict__[types[number].name] = _field(types[number], occurrences, depth)
    message.__dict__["_unknown_fields"] = b"".join(unknown)
    return message


def _fits(meta: "FieldMetadata", wire_type: int) -> bool:
    """Whether the field may come in this wire type; a repeated number may come packed as bytes."""
    return wire_type == WIRE_TYPES[meta.proto_type] or (wire_type == 2 and bool(meta.repeated))


def _again(number: int, wire_type: int, value: bytes, n: int) -> bytes:
    """The field as it was read."""
    if wire_type == 2:
        return field(number, value)
    return tag(number, wire_type) + (varint(n) if wire_type == 0 else value)


def _field(known: FieldType, occurrences: list[Occurrence], depth: int) -> object:
    """The Python value of all that came for one field."""
    meta, cls = known.meta, known.classes[0]
    if meta.map_meta is not None:
        return dict(_entry(known, value, depth) for _, value, _ in occurrences)
    if meta.repeated:
        return [
            _value(meta, cls, *one, depth)
            for occurrence in occurrences
            for one in (_unpacked(meta, *occurrence))
        ]
    if meta.proto_type == "message":  # messages that come twice are merged, which is: joined
        return _value(meta, cls, b"".join(value for _, value, _ in occurrences), 0, depth)
    return _value(meta, cls, *occurrences[-1][1:], depth)


def _unpacked(meta: "FieldMetadata", wire_type: int, value: bytes, n: int) -> Iterator[tuple[bytes, int]]:
    """(value, n) of each item in one occurrence of a repeated field, packed or not."""
    item_type = WIRE_TYPES[meta.proto_type]
    if item_type == wire_type:
        yield value, n
        return
    at, size = 0, {0: 0, 1: 8, 5: 4}[item_type]
    while at < len(value):
        if item_type == 0:
            n, at = read_varint(value, at)
            yield b"", n
        else:
            at += size
            if at > len(value):
                raise DecodeError("a packed field is cut short")
            yield value[at - size : at], 0


def _entry(known: FieldType, data: bytes, depth: int) -> tuple[Any, Any]:
    """Key and value of one entry of a map; what is absent is zero."""
    assert known.meta.map_meta is not None  # noqa: S101 - of a map
    parts = [(bytes(8), 0), (bytes(8), 0)]
    for i, meta in enumerate(known.meta.map_meta):
        if WIRE_TYPES[meta.proto_type] == 2:
            parts[i] = (b"", 0)
    for number, wire_type, value, n in fields(data):
        if number in (1, 2) and wire_type == WIRE_TYPES[known.meta.map_meta[number - 1].proto_type]:
            parts[number - 1] = (value, n)
    key, item = (
        _value(meta, cls, *part, depth)
        for meta, cls, part in zip(known.meta.map_meta, known.classes, parts, strict=True)
    )
    return key, item


def _value(meta: "FieldMetadata", cls: Any, value: bytes, n: int, depth: int) -> Any:  # noqa: ANN401
    """The Python value of one scalar or message; `cls` is the class of the field."""
    match meta.proto_type:
        case "message" if meta.unwrap is not None:
            return _message(meta.unwrap(), value, depth - 1).to_wrapped()
        case "message":
            return _message(cls, value, depth - 1)
        case "string":
            return value.decode()
        case "enum":
            return cls(_signed(n, 32))
        case "bytes":
            return value
    number = _VARINTS.get(meta.proto_type)
    return _FIXED[meta.proto_type].unpack_from(value)[0] if number is None else number(n)


def _signed(n: int, bits: int) -> int:
    sign = 1 << bits - 1
    return (n + sign & (1 << bits) - 1) - sign


def _unzigzag(n: int, bits: int) -> int:
    n &= (1 << bits) - 1
    return n >> 1 ^ -(n & 1)


_VARINTS: Final[dict[str, Callable[[int], int]]] = {
    "bool": lambda n: n != 0,
    "int32": lambda n: _signed(n, 32),
    "int64": lambda n: _signed(n, 64),
    "uint32": lambda n: n & 0xFFFF_FFFF,
    "uint64": lambda n: n,
    "sint32": lambda n: _unzigzag(n, 32),
    "sint64": lambda n: _unzigzag(n, 64),
}

_FIXED: Final = {
    "double": struct.Struct("<d"),
    "float": struct.Struct("<f"),
    "fixed64": struct.Struct("<Q"),
    "sfixed64": struct.Struct("<q"),
    "fixed32": struct.Struct("<I"),
    "sfixed32": struct.Struct("<i"),
}
