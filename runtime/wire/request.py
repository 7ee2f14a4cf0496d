"""What an xDS server reads of a discovery request; everything else in it is skipped unread.

Source: envoy/service/discovery/v3/discovery.proto, envoy/config/core/v3/base.proto (Node),
google/rpc/status.proto. As protobuf wants it, unknown fields and fields of a wrong wire type are skipped, and
of a field that comes twice the last one counts (two messages are merged, which is: joined).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from runtime.wire.reader import DecodeError, fields


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """Why the peer refused a response: a google.rpc.Status. The message may quote the refused resource."""

    message: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Node:
    """The peer, as far as a server needs to know it. Absent text is ""."""

    id: str = ""
    cluster: str = ""
    user_agent_name: str = ""
    version: tuple[int, int, int] | None = None
    """user_agent_build_version: major, minor, patch; None when the peer does not tell."""


@dataclass(frozen=True, slots=True)
class DiscoveryRequest:
    """A State-of-the-World request. Absent text is ""."""

    type_url: str = ""
    version_info: str = ""
    resource_names: tuple[str, ...] = ()
    nonce: str = ""
    error: ErrorDetail | None = None
    node: bytes | None = field(default=None, repr=False)
    """The node's bytes, for `decode_node`; None when absent. 61 kB in the first request of an Envoy."""


@dataclass(frozen=True, slots=True)
class DeltaRequest:
    """An incremental request (DeltaDiscoveryRequest). Absent text is ""."""

    type_url: str = ""
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    initial_versions: Mapping[str, str] = field(default_factory=dict)
    """initial_resource_versions: name → version of what the peer holds already."""
    nonce: str = ""
    error: ErrorDetail | None = None
    node: bytes | None = field(default=None, repr=False)
    """As in DiscoveryRequest."""


Request = TypeVar("Request", DiscoveryRequest, DeltaRequest)


def decode_request(data: bytes, kind: type[Request]) -> Request:
    """The request in `data`, of either kind. Raises DecodeError for bytes that are no such message."""
    decode: Callable[[bytes], Request] = _DECODERS[kind]
    try:
        return decode(data)
    except UnicodeDecodeError as error:
        raise DecodeError("a text field is not UTF-8") from error


def decode_node(data: bytes) -> Node:
    """The few fields of a node that matter; its metadata, locality and 516 extensions are stepped over.

    Raises DecodeError.
    """
    texts = {1: "", 2: "", 6: ""}
    builds: list[bytes] = []
    try:
        for number, wire_type, value, _ in fields(data):
            if number == 9 or wire_type != 2:  # first the extensions: nearly all there is
                continue
            if number in texts:
                texts[number] = value.decode()
            elif number == 8:
                builds.append(value)
            elif number == 7:  # user_agent_version, of the same oneof
                builds.clear()
        version = _build_version(b"".join(builds))
    except UnicodeDecodeError as error:
        raise DecodeError("a text field is not UTF-8") from error
    return Node(texts[1], texts[2], texts[6], version)


def _discovery(data: bytes) -> DiscoveryRequest:
    texts = {1: "", 4: "", 5: ""}
    names: list[str] = []
    nodes: list[bytes] = []
    errors: list[bytes] = []
    for number, wire_type, value, _ in fields(data):
        if wire_type != 2:
            continue
        if number == 3:
            names.append(value.decode())
        elif number in texts:
            texts[number] = value.decode()
        elif number == 2:
            nodes.append(value)
        elif number == 6:
            errors.append(value)
    return DiscoveryRequest(texts[4], texts[1], tuple(names), texts[5], _error(errors), _joined(nodes))


def _delta(data: bytes) -> DeltaRequest:
    texts = {2: "", 6: ""}
    names: dict[int, list[str]] = {3: [], 4: []}
    versions: dict[str, str] = {}
    nodes: list[bytes] = []
    errors: list[bytes] = []
    at, end = 0, len(data)
    while at < end:
        at = _entries(data, at, versions)
        for number, wire_type, value, n in fields(data, at):
            if wire_type != 2:
                continue
            if number == 5:
                name, version = _entry(value)
                versions[name] = version
                at = n
                break
            if number in names:
                names[number].append(value.decode())
            elif number in texts:
                texts[number] = value.decode()
            elif number == 1:
                nodes.append(value)
            elif number == 7:
                errors.append(value)
        else:
            break
    return DeltaRequest(
        texts[2], tuple(names[3]), tuple(names[4]), versions, texts[6], _error(errors), _joined(nodes)
    )


def _entries(data: bytes, at: int, versions: dict[str, str]) -> int:
    """Reads initial_resource_versions from `at` on, as long as they come in a row; returns where they end.

    Only the shape that every client writes: the key, then the version, the whole shorter than 128 bytes. A
    reconnecting Envoy sends 10,000 of them, and read as any other field they took a third longer.
    """
    end = len(data)
    while at + 6 <= end and data[at] == 0x2A and (size := data[at + 1]) < 0x80 and data[at + 2] == 0x0A:
        after = at + 2 + size
        middle = at + 4 + data[at + 3]
        if not (
            middle + 2 <= after <= end and data[middle] == 0x12 and middle + 2 + data[middle + 1] == after
        ):
            break
        versions[data[at + 4 : middle].decode()] = data[middle + 2 : after].decode()
        at = after
    return at


def _entry(data: bytes) -> tuple[str, str]:
    """One entry of a map of text to text, in any shape."""
    texts = {1: "", 2: ""}
    for number, wire_type, value, _ in fields(data):
        if wire_type == 2 and number in texts:
            texts[number] = value.decode()
    return texts[1], texts[2]


def _joined(messages: list[bytes]) -> bytes | None:
    return b"".join(messages) if messages else None


def _error(messages: list[bytes]) -> ErrorDetail | None:
    if not messages:
        return None
    message = ""
    for number, wire_type, value, _ in fields(b"".join(messages)):
        if number == 2 and wire_type == 2:
            message = value.decode()
    return ErrorDetail(message)


def _build_version(data: bytes) -> tuple[int, int, int] | None:
    """Of a config.core.v3.BuildVersion the type.v3.SemanticVersion."""
    numbers: list[int] | None = None
    for number, wire_type, value, _ in fields(data):
        if number == 1 and wire_type == 2:
            numbers = numbers or [0, 0, 0]
            for part, part_type, _, n in fields(value):
                if part <= 3 and part_type == 0:
                    numbers[part - 1] = n & 0xFFFF_FFFF
    return None if numbers is None else (numbers[0], numbers[1], numbers[2])


_DECODERS: dict[type, Callable[[bytes], Any]] = {DiscoveryRequest: _discovery, DeltaRequest: _delta}
