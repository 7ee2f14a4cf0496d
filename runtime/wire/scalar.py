"""Protobuf's scalar types as bytes, and the well-known types that the library shows as Python's own."""

import datetime as dt
import struct
from collections.abc import Callable
from typing import Any, Final

from runtime.wire.varint import varint

WIRE_TYPES: Final = {
    **dict.fromkeys(("int32", "int64", "uint32", "uint64", "sint32", "sint64", "bool", "enum"), 0),
    **dict.fromkeys(("double", "fixed64", "sfixed64"), 1),
    **dict.fromkeys(("string", "bytes", "message", "map"), 2),
    **dict.fromkeys(("float", "fixed32", "sfixed32"), 5),
}
"""Type of a field, as the library names it → wire type."""

FLOATS: Final = ("float", "double")

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def zigzag(n: int) -> bytes:
    """A sint32 or sint64: small magnitudes in few bytes, whichever their sign."""
    return varint(n << 1 ^ n >> 63)


def boolean(value: object) -> bytes:
    """A bool: one byte."""
    return b"\x01" if value else b"\x00"


SCALARS: Final[dict[str, Callable[[Any], bytes]]] = {
    "sint32": zigzag,
    "sint64": zigzag,
    "bool": boolean,
    "double": struct.Struct("<d").pack,
    "float": struct.Struct("<f").pack,
    "fixed64": struct.Struct("<Q").pack,
    "sfixed64": struct.Struct("<q").pack,
    "fixed32": struct.Struct("<I").pack,
    "sfixed32": struct.Struct("<i").pack,
}
"""Type → its bytes, for the types that the encoder does not write in line."""


def duration(value: dt.timedelta) -> bytes:
    """A google.protobuf.Duration: seconds and nanos have the same sign (duration.proto)."""
    if value.days >= 0:
        return _seconds(value.days * 86400 + value.seconds, value.microseconds * 1000)
    whole = -value
    return _seconds(-(whole.days * 86400 + whole.seconds), -whole.microseconds * 1000)


def timestamp(value: dt.datetime) -> bytes:
    """A google.protobuf.Timestamp: nanos count forward, also before 1970. Raises TypeError without a zone."""
    since = value - EPOCH
    return _seconds(since.days * 86400 + since.seconds, since.microseconds * 1000)


def _seconds(seconds: int, nanos: int) -> bytes:
    return (b"\x08" + varint(seconds) if seconds else b"") + (b"\x10" + varint(nanos) if nanos else b"")


def _number(value: int) -> bytes:
    return b"\x08" + varint(value) if value else b""


def _double(value: float) -> bytes:
    return b"\x09" + body if any(body := struct.pack("<d", value)) else b""


def _float(value: float) -> bytes:
    return b"\x0d" + body if any(body := struct.pack("<f", value)) else b""


def _bytes(value: bytes) -> bytes:
    return b"\x0a" + varint(len(value)) + value if value else b""


WRAPPED: Final[dict[str, Callable[[Any], bytes]]] = {
    "Duration": duration,
    "Timestamp": timestamp,
    "BoolValue": _number,
    "Int32Value": _number,
    "Int64Value": _number,
    "UInt32Value": _number,
    "UInt64Value": _number,
    "DoubleValue": _double,
    "FloatValue": _float,
    "BytesValue": _bytes,
    "StringValue": lambda value: _bytes(value.encode()),
}
"""Message of google.protobuf that the library shows as a Python value → the message's bytes of that value."""
