"""Protobuf bytes: resources encoded fast, requests read sparingly, responses framed around resources."""

from runtime.wire.decoder import decode
from runtime.wire.encoder import encode
from runtime.wire.message import any_of, checked
from runtime.wire.proto_json import to_json
from runtime.wire.reader import DecodeError
from runtime.wire.request import (
    DeltaRequest,
    DiscoveryRequest,
    ErrorDetail,
    Node,
    decode_node,
    decode_request,
)
from runtime.wire.response import (
    any_bytes,
    delta_resource,
    delta_response,
    sotw_resource,
    sotw_response,
)
from runtime.wire.unchecked import unchecked
from runtime.wire.varint import field, tag, varint

__all__ = [
    "DecodeError",
    "DeltaRequest",
    "DiscoveryRequest",
    "ErrorDetail",
    "Node",
    "any_bytes",
    "any_of",
    "checked",
    "decode",
    "decode_node",
    "decode_request",
    "delta_resource",
    "delta_response",
    "encode",
    "field",
    "sotw_resource",
    "sotw_response",
    "tag",
    "to_json",
    "unchecked",
    "varint",
]
