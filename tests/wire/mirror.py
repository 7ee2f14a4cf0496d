"""Messages of google's own protobuf, made at random, and the same messages of the library we encode with.

The schemas of xds-protos and of envoy-data-plane differ a little in age; only what both have is used.
"""

import datetime as dt
import importlib
from collections.abc import Callable
from functools import cache
from random import Random

import betterproto2
from envoy_data_plane.message_pool import default_message_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from runtime.wire import unchecked
from runtime.wire.field_type import FieldType, field_types

_MODULES = {
    "envoy.config.bootstrap.v3": ("bootstrap", "Bootstrap"),
    "envoy.config.cluster.v3": ("cluster", "Cluster"),
    "envoy.config.endpoint.v3": ("endpoint", "ClusterLoadAssignment"),
    "envoy.config.listener.v3": ("listener", "Listener"),
    "envoy.config.route.v3": ("route", "RouteConfiguration"),
    "envoy.extensions.filters.network.http_connection_manager.v3": (
        "http_connection_manager",
        "HttpConnectionManager",
    ),
    "envoy.extensions.filters.http.router.v3": ("router", "Router"),
    "envoy.extensions.transport_sockets.tls.v3": ("tls", "DownstreamTlsContext"),
    "envoy.service.discovery.v3": ("discovery", "DeltaDiscoveryRequest"),
}


def _class(package: str, file: str, name: str) -> type[Message]:
    importlib.import_module(f"envoy_data_plane.{package}")
    return getattr(importlib.import_module(f"{package}.{file}_pb2"), name)


CLASSES: dict[str, type[Message]] = {
    name: _class(package, file, name) for package, (file, name) in _MODULES.items()
} | {
    "VirtualHost": _class("envoy.config.route.v3", "route_components", "VirtualHost"),
    "Route": _class("envoy.config.route.v3", "route_components", "Route"),
    "UpstreamTlsContext": _class("envoy.extensions.transport_sockets.tls.v3", "tls", "UpstreamTlsContext"),
    "Secret": _class("envoy.extensions.transport_sockets.tls.v3", "secret", "Secret"),
}
"""Name → google's class, of the messages that isoline makes."""


def library_class(descriptor: Descriptor) -> type[betterproto2.Message]:
    """The library's class of the same message; None when it has none."""
    return default_message_pool.url_to_type.get(f"type.googleapis.com/{descriptor.full_name}")


_TYPES = {
    getattr(FieldDescriptor, f"TYPE_{name.upper()}"): name
    for name in (
        *("double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "bool", "string"),
        *("bytes", "enum", "message", "fixed32", "fixed64", "sfixed32", "sfixed64"),
    )
}


@cache
def shared_fields(descriptor: Descriptor) -> list[tuple[FieldDescriptor, FieldType]]:
    """The fields that both schemas have, of the same name and type."""
    known = field_types(library_class(descriptor))
    return [
        (f, known[f.number]) for f in descriptor.fields if f.number in known and _same(f, known[f.number])
    ]


def _same(theirs: FieldDescriptor, ours: FieldType) -> bool:
    is_map = theirs.message_type is not None and theirs.message_type.GetOptions().map_entry
    if theirs.name != ours.name.removesuffix("_") or theirs.is_repeated != bool(ours.meta.repeated or is_map):
        return False
    if is_map:
        return ours.meta.proto_type == "map"
    if theirs.message_type is not None and library_class(theirs.message_type) is None:
        return False
    return _TYPES[theirs.type] == ours.meta.proto_type


def fill(message: Message, random: Random, size: int, depth: int = 0) -> Message:
    """Sets up to `size` fields of the message at random, and fewer in the messages inside."""
    name = message.DESCRIPTOR.full_name
    if name in _SPECIAL:
        _SPECIAL[name](message, random)
        return message
    fields = shared_fields(message.DESCRIPTOR)
    for field, _ in random.sample(fields, min(len(fields), random.randint(0, size))):
        if depth < 8 or field.message_type is None:
            _set(message, field, random, size, depth)
    return message


def _set(message: Message, field: FieldDescriptor, random: Random, size: int, depth: int) -> None:
    value = getattr(message, field.name)
    many = range(random.randint(0, 3))
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, item = field.message_type.fields
        for _ in many:
            if item.message_type is None:
                value[_scalar(key, random)] = _scalar(item, random)
            else:
                fill(value[_scalar(key, random)], random, size // 2, depth + 1)
    elif field.message_type is not None and field.is_repeated:
        for _ in many:
            fill(value.add(), random, size // 2, depth + 1)
    elif field.message_type is not None:
        value.SetInParent()
        fill(value, random, size // 2, depth + 1)
    elif field.is_repeated:
        value.extend(_scalar(field, random) for _ in many)
    else:
        setattr(message, field.name, _scalar(field, random))


_NUMBERS = {
    "int32": (-(1 << 31), (1 << 31) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "uint32": (0, (1 << 32) - 1),
    "uint64": (0, (1 << 64) - 1),
}
_TEXTS = ("", "a", "default/kuard/80", "shop.example.com", "ä€𝄞", "x" * 127, "x" * 128, "\0", "y" * 3000)
_FLOATS = (0.0, -0.0, 1.0, 0.1, -2.5, 1e-42, 3.0e38, float("inf"), float("-inf"), float("nan"))


def _scalar(field: FieldDescriptor, random: Random) -> object:
    kind = _TYPES[field.type]
    match kind:
        case "string":
            return random.choice(_TEXTS)
        case "bytes":
            return random.choice(_TEXTS).encode()
        case "bool":
            return random.random() < 0.5
        case "enum":
            return random.choice([*field.enum_type.values_by_number, 99])
        case "double" | "float":
            return random.choice(_FLOATS)
    low, high = _NUMBERS[kind.replace("sint", "int").replace("sfixed", "int").replace("fixed", "uint")]
    return random.choice((0, 1, 127, 128, 2047, 2048, 16384, 65535, low, high, random.randint(low, high)))


def _duration(message: Message, random: Random) -> None:
    microseconds = random.choice(
        (0, 1, -1, 500_000, -1_500_000, 5_000_000, random.randint(-(10**15), 10**15))
    )
    message.FromTimedelta(dt.timedelta(microseconds=microseconds))


def _timestamp(message: Message, random: Random) -> None:
    message.FromMicroseconds(random.choice((0, -1, 1_700_000_000_123_000, random.randint(-(10**15), 10**15))))


def _any(message: Message, random: Random) -> None:
    if random.random() < 0.8:
        message.Pack(fill(CLASSES[random.choice(("Router", "ClusterLoadAssignment", "Secret"))](), random, 3))


def _struct(message: Message, random: Random) -> None:
    message.update(random.choice(({}, {"a": 1, "b": [True, None, "x", {"c": -0.5}]}, {"ä": {}, "list": []})))


def _value(message: Message, random: Random) -> None:
    message.string_value = random.choice(_TEXTS)


_SPECIAL = {
    "google.protobuf.Duration": _duration,
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Any": _any,
    "google.protobuf.Struct": _struct,
    "google.protobuf.Value": _value,
}


def mirror(message: Message) -> betterproto2.Message:
    """The same message as the library's, made by `unchecked` field by field."""
    cls = library_class(message.DESCRIPTOR)
    known = field_types(cls)
    return unchecked(cls)(
        **{known[f.number].name: _mirror(known[f.number], f, v) for f, v in message.ListFields()}
    )


def _mirror(known: FieldType, field: FieldDescriptor, value: object) -> object:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        unwrap = known.meta.map_meta[1].unwrap
        backwards = reversed(list(value.items()))  # the order of insertion must not matter
        return {k: _one(unwrap, known.classes[1], v) for k, v in backwards}
    if field.is_repeated:
        return [_one(known.meta.unwrap, known.classes[0], item) for item in value]
    return _one(known.meta.unwrap, known.classes[0], value)


def _one(unwrap: Callable[[], type] | None, cls: type, value: object) -> object:
    if not hasattr(value, "DESCRIPTOR"):
        return cls(value) if isinstance(value, int) and hasattr(cls, "from_string") else value
    match unwrap and unwrap().__name__:
        case None:
            return mirror(value)
        case "Duration":
            return value.ToTimedelta()
        case "Timestamp":
            return value.ToDatetime(dt.UTC)
    return value.value
