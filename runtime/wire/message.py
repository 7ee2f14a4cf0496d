"""Whole messages: packed into an Any, and checked."""

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from runtime.wire.decoder import decode
from runtime.wire.encoder import encode
from runtime.wire.field_type import field_types
from runtime.wire.unchecked import unchecked

if TYPE_CHECKING:  # as in encoder.py
    from collections.abc import Callable

    from betterproto2 import FieldMetadata, Message, MessagePool
    from envoy_data_plane.google.protobuf import Any as AnyMessage

M = TypeVar("M", bound="Message")


@cache
def pool() -> "MessagePool":
    """The library's registry: type URL ↔ class of each message whose module has been imported."""
    from envoy_data_plane.message_pool import default_message_pool  # noqa: PLC0415 - as in encoder.py

    return default_message_pool


@cache
def _any_class() -> "type[AnyMessage]":
    from envoy_data_plane.google.protobuf import Any as AnyMessage  # noqa: PLC0415 - as in encoder.py

    return AnyMessage


@cache
def _any() -> "Callable[..., AnyMessage]":
    return unchecked(_any_class())


def any_of(message: "Message") -> "AnyMessage":
    """The message as a google.protobuf.Any: its type URL and its encoded bytes."""
    return _any()(type_url=pool().type_to_url[type(message)], value=encode(message))


def checked(message: M) -> M:
    """The same message built by the library's validating constructors, with all messages inside it.

    What stands in an Any is decoded and checked too, where its module has been imported. Raises
    pydantic.ValidationError for a value of a wrong type, out of its range, or beside another of its oneof;
    DecodeError for an Any whose bytes are not of its type. Warns of deprecated fields as the library does.
    """
    values: dict[str, Any] = {}
    for known in field_types(type(message)).values():
        inner = known.meta.map_meta[1] if known.meta.map_meta else known.meta
        values[known.name] = _checked(inner, getattr(message, known.name))
    copy = type(message)(**values)
    copy._unknown_fields = message._unknown_fields  # noqa: SLF001 - part of the message, and no other way
    if isinstance(copy, _any_class()) and (cls := pool().url_to_type.get(copy.type_url)):
        checked(decode(cls, copy.value))
    return copy


def _checked(meta: "FieldMetadata", value: Any) -> Any:  # noqa: ANN401 - of any field
    if isinstance(value, list):
        return [_checked(meta, item) for item in value]
    if isinstance(value, dict):
        return {key: _checked(meta, item) for key, item in value.items()}
    if meta.unwrap is not None and value is not None:
        meta.unwrap().from_wrapped(value)  # type: ignore[attr-defined]  # the wrapper knows the range
        return value
    return checked(value) if hasattr(value, "_unknown_fields") else value
