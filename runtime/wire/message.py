"""Whole messages: packed into an Any, checked, decoded."""

from functools import cache
from typing import TYPE_CHECKING

from runtime.wire.encoder import encode
from runtime.wire.unchecked import unchecked

if TYPE_CHECKING:  # as in encoder.py
    from collections.abc import Callable

    from betterproto2 import Message, MessagePool
    from envoy_data_plane.google.protobuf import Any as AnyMessage


@cache
def pool() -> "MessagePool":
    """The library's registry: type URL ↔ class of each message whose module has been imported."""
    from envoy_data_plane.message_pool import default_message_pool  # noqa: PLC0415 - as in encoder.py

    return default_message_pool


@cache
def _any() -> "Callable[..., AnyMessage]":
    from envoy_data_plane.google.protobuf import Any as AnyMessage  # noqa: PLC0415 - as in encoder.py

    return unchecked(AnyMessage)


def any_of(message: "Message") -> "AnyMessage":
    """The message as a google.protobuf.Any: its type URL and its encoded bytes."""
    return _any()(type_url=pool().type_to_url[type(message)], value=encode(message))
