"""Messages as Envoy writes its own configuration: proto3 JSON under the fields' original names.

Source: protobuf.dev/programming-guides/json. Envoy's config_dump and envoy.yaml keep snake_case names.
"""

import base64
import datetime as dt
import math
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from runtime.wire.decoder import decode
from runtime.wire.field_type import FieldType, field_types
from runtime.wire.message import pool
from runtime.wire.scalar import EPOCH

if TYPE_CHECKING:  # as in encoder.py
    from betterproto2 import FieldMetadata, Message


def to_json(message: "Message") -> dict[str, Any]:
    """The message as a dictionary for `json` or `yaml`: what is set, fields in the order of their numbers.

    An Any is expanded beside its "@type" when the module of that type has been imported; else its bytes stand
    under "value" as base64. Raises DecodeError when an Any holds bytes that are not of its type.
    """
    output: dict[str, Any] = {}
    for known in field_types(type(message)).values():
        value = getattr(message, known.name)
        if _is_set(known.meta, value):
            output[known.name.removesuffix("_")] = _field(known, value)
    return output


def _is_set(meta: "FieldMetadata", value: Any) -> bool:  # noqa: ANN401 - of any field
    """Whether the field is written at all; as in encoder.py."""
    if meta.optional or meta.group:
        return value is not None
    return bool(value) or str(value) == "-0.0"


def _field(known: FieldType, value: Any) -> object:  # noqa: ANN401 - of any field
    meta = known.meta
    if meta.map_meta is not None:
        key_type, item_type = meta.map_meta
        return {_key(key_type, key): _value(item_type, known.classes[1], item) for key, item in value.items()}
    if meta.repeated:
        return [_value(meta, known.classes[0], item) for item in value]
    return _value(meta, known.classes[0], value)


def _key(meta: "FieldMetadata", key: object) -> str:
    return str(key).lower() if meta.proto_type == "bool" else str(key)


def _value(meta: "FieldMetadata", cls: Any, value: Any) -> object:  # noqa: ANN401 - of any field
    match meta.proto_type:
        case "message" if meta.unwrap is not None:
            return _wrapped(meta.unwrap().__name__, value)
        case "message":
            return _message(value)
        case "enum" if cls.__name__ == "NullValue":
            return None
        case "enum":
            return _enum(cls(value))
    return _SCALARS.get(meta.proto_type, _as_is)(value)


def _enum(member: Any) -> object:  # noqa: ANN401 - betterproto2.Enum
    """Its name; its number when the schema has none."""
    return (member.proto_name or member.name) if member.name else int(member)


def _message(message: Any) -> object:  # noqa: ANN401 - of any class
    """A message inside another: the well-known types have forms of their own."""
    cls = type(message)
    if cls.__module__ == "envoy_data_plane.google.protobuf":
        if cls.__name__ in _WELL_KNOWN:
            return _WELL_KNOWN[cls.__name__](message)
        if hasattr(cls, "to_wrapped"):
            return _wrapped(cls.__name__, message.to_wrapped())
    return to_json(message)


def _any(message: Any) -> dict[str, Any]:  # noqa: ANN401 - google.protobuf.Any
    if not message.type_url:
        return {}
    cls = pool().url_to_type.get(message.type_url)
    if cls is None:
        return {"@type": message.type_url, "value": _base64(message.value)}
    content: Any = decode(cls, message.value)
    form = _message(content)
    if _has_own_form(cls):
        return {"@type": message.type_url, "value": form}
    assert isinstance(form, dict)  # noqa: S101 - every other message's form
    return {"@type": message.type_url, **form}


def _has_own_form(cls: type) -> bool:
    return cls.__module__ == "envoy_data_plane.google.protobuf" and (
        cls.__name__ in _WELL_KNOWN or hasattr(cls, "to_wrapped")
    )


def _struct_value(value: Any) -> object:  # noqa: ANN401 - google.protobuf.Value
    if value.struct_value is not None:
        return _struct(value.struct_value)
    if value.list_value is not None:
        return [_struct_value(item) for item in value.list_value.values]
    for plain in (value.string_value, value.bool_value):
        if plain is not None:
            return plain
    return None if value.number_value is None else _double(value.number_value)


def _struct(message: Any) -> dict[str, Any]:  # noqa: ANN401 - google.protobuf.Struct
    return {key: _struct_value(value) for key, value in message.fields.items()}


_WELL_KNOWN: Final[dict[str, Callable[[Any], object]]] = {
    "Any": _any,
    "Struct": _struct,
    "Value": _struct_value,
    "ListValue": lambda message: [_struct_value(item) for item in message.values],
}


def _wrapped(name: str, value: Any) -> object:  # noqa: ANN401 - Python's own value of a well-known type
    return _WRAPPED.get(name, _as_is)(value)


def _duration(value: dt.timedelta) -> str:
    """Seconds with 0, 3 or 6 digits after the point."""
    whole = abs(value)
    sign = "-" if value < dt.timedelta() else ""
    return f"{sign}{whole.days * 86400 + whole.seconds}{_fraction(whole.microseconds)}s"


def _timestamp(value: dt.datetime) -> str:
    """RFC 3339 in UTC, seconds with 0, 3 or 6 digits after the point. Raises TypeError without a zone."""
    utc = EPOCH + (value - EPOCH)
    return f"{utc.replace(microsecond=0, tzinfo=None).isoformat()}{_fraction(utc.microsecond)}Z"


def _fraction(microseconds: int) -> str:
    if microseconds % 1000:
        return f".{microseconds:06}"
    return f".{microseconds // 1000:03}" if microseconds else ""


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _double(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _float(value: float) -> float | str:
    """The shortest decimal that is the same number in 32 bits: 0.1, not 0.10000000149011612."""
    if not math.isfinite(value):
        return _double(value)
    packed = struct.pack("<f", value)
    return next(
        short for digits in range(6, 10) if struct.pack("<f", short := float(f"{value:.{digits}g}")) == packed
    )


def _as_is(value: object) -> object:
    return value


_SCALARS: Final[dict[str, Callable[[Any], object]]] = {
    **dict.fromkeys(("int64", "uint64", "sint64", "fixed64", "sfixed64"), str),
    "bytes": _base64,
    "double": _double,
    "float": _float,
}

_WRAPPED: Final[dict[str, Callable[[Any], object]]] = {
    "Duration": _duration,
    "Timestamp": _timestamp,
    "Int64Value": str,
    "UInt64Value": str,
    "BytesValue": _base64,
    "DoubleValue": _double,
    "FloatValue": _float,
}
