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

    code: int
    message: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Node:
    """The peer, as far as a server needs to know it. Absent text is ""."""

    id: str = ""
    cluster: str = ""
    user_agent_name: str = ""
    version: tuple[int, int, int] | None = None
    """user_agent_build_version: major, minor, patch; None when the peer does not tell."""
    client_features: frozenset[str] = frozenset()


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
    version: tuple[int, int, int] | None = None
    features: list[str] = []
    try:
        for number, value, _ in fields(data):
            if number == 9 or value is None:  # first the extensions: nearly all there is
                continue
            if number in texts:
                texts[number] = str(value, "utf-8")
            elif number == 10:
                features.append(str(value, "utf-8"))
            elif number == 8:
                version = _build_version(value) or version
    except UnicodeDecodeError as error:
        raise DecodeError("a text field is not UTF-8") from error
    return Node(texts[1], texts[2], texts[6], version, frozenset(features))


def _discovery(data: bytes) -> DiscoveryRequest:
    texts = {1: "", 4: "", 5: ""}
    names: list[str] = []
    node: bytes | None = None
    error: bytes | None = None
    for number, value, _ in fields(data):
        if value is None:
            continue
        if number == 3:
            names.append(str(value, "utf-8"))
        elif number in texts:
            texts[number] = str(value, "utf-8")
        elif number == 2:
            node = value if node is None else node + value
        elif number == 6:
            error = value if error is None else error + value
    return DiscoveryRequest(texts[4], texts[1], tuple(names), texts[5], _error(error), node)


def _delta(data: bytes) -> DeltaRequest:
    texts = {2: "", 6: ""}
    names: dict[int, list[str]] = {3: [], 4: []}
    versions: dict[str, str] = {}
    node: bytes | None = None
    error: bytes | None = None
    for number, value, _ in fields(data):
        if value is None:
            continue
        if number == 5:
            size = len(value)
            # The shape that every client writes, 10,000 times a request: key, value, each below 128 bytes.
            if (
                4 <= size < 130
                and value[0] == 0x0A
                and (key := value[1] + 2) + 2 <= size
                and value[key] == 0x12
                and value[key + 1] == size - key - 2
            ):
                versions[str(value[2:key], "utf-8")] = str(value[key + 2 :], "utf-8")
            else:
                name, version = _entry(value)
                versions[name] = version
        elif number in names:
            names[number].append(str(value, "utf-8"))
        elif number in texts:
            texts[number] = str(value, "utf-8")
        elif number == 1:
            node = value if node is None else node + value
        elif number == 7:
            error = value if error is None else error + value
    return DeltaRequest(texts[2], tuple(names[3]), tuple(names[4]), versions, texts[6], _error(error), node)


_DECODERS: dict[type, Callable[[bytes], Any]] = {DiscoveryRequest: _discovery, DeltaRequest: _delta}


def _entry(data: bytes) -> tuple[str, str]:
    """One entry of a map of text to text."""
    texts = {1: "", 2: ""}
    for number, value, _ in fields(data):
        if value is not None and number in texts:
            texts[number] = str(value, "utf-8")
    return texts[1], texts[2]


def _error(data: bytes | None) -> ErrorDetail | None:
    if data is None:
        return None
    code, message = 0, ""
    for number, value, n in fields(data):
        if number == 1 and value is None:
            code = n
        elif number == 2 and value is not None:
            message = str(value, "utf-8")
    return ErrorDetail(code & 0xFFFF_FFFF, message)


def _build_version(data: bytes) -> tuple[int, int, int] | None:
    """Of a config.core.v3.BuildVersion the type.v3.SemanticVersion."""
    numbers: list[int] | None = None
    for number, value, _ in fields(data):
        if number == 1 and value is not None:
            numbers = numbers or [0, 0, 0]
            for part, text, n in fields(value):
                if part <= 3 and text is None:
                    numbers[part - 1] = n & 0xFFFF_FFFF
    return None if numbers is None else (numbers[0], numbers[1], numbers[2])
