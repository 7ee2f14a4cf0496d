"""What `decode_request` and `decode_node` read, against google's own protobuf (upb)."""

from random import Random

import pytest
from envoy.config.core.v3.base_pb2 import Node as GoogleNode
from envoy.service.discovery.v3 import discovery_pb2 as google
from google.protobuf.message import DecodeError as GoogleDecodeError
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from hypothesis import given
from hypothesis import strategies as st

from runtime.wire import (
    DecodeError,
    DeltaRequest,
    DiscoveryRequest,
    ErrorDetail,
    Node,
    decode_node,
    decode_request,
    field,
)
from tests.wire.mirror import fill

SEEDS = st.integers(0, 2**32)


def envoy_node() -> GoogleNode:
    """A node as Envoy 1.40 sends it: 61 kB, of which the 516 extensions are nearly all."""
    node = GoogleNode(id="envoy-1", cluster="isoline", user_agent_name="envoy", client_features=["a"])
    node.metadata.update({"pod": "envoy-1"})
    node.user_agent_build_version.version.major_number = 1
    node.user_agent_build_version.version.minor_number = 40
    node.user_agent_build_version.metadata.update({"ssl.version": "BoringSSL"})
    for i in range(516):
        node.extensions.add(
            name=f"envoy.filters.http.extension_number_{i:03}",
            category="envoy.filters.http",
            type_urls=["envoy.extensions.filters.http.extension.v3.ExtensionConfig"],
        )
    return node


def node_of(node: GoogleNode) -> Node:
    build = node.user_agent_build_version
    numbers = build.version.major_number, build.version.minor_number, build.version.patch
    return Node(
        node.id,
        node.cluster,
        node.user_agent_name,
        numbers if build.HasField("version") else None,
    )


def delta_of(request: google.DeltaDiscoveryRequest) -> DeltaRequest:
    return DeltaRequest(
        type_url=request.type_url,
        subscribe=tuple(request.resource_names_subscribe),
        unsubscribe=tuple(request.resource_names_unsubscribe),
        initial_versions=dict(request.initial_resource_versions),
        nonce=request.response_nonce,
        error=error_of(request),
    )


def discovery_of(request: google.DiscoveryRequest) -> DiscoveryRequest:
    return DiscoveryRequest(
        type_url=request.type_url,
        version_info=request.version_info,
        resource_names=tuple(request.resource_names),
        nonce=request.response_nonce,
        error=error_of(request),
    )


def error_of(request: Message) -> ErrorDetail | None:
    detail = request.error_detail
    return ErrorDetail(detail.message) if request.HasField("error_detail") else None


KINDS = {
    DeltaRequest: (google.DeltaDiscoveryRequest, delta_of),
    DiscoveryRequest: (google.DiscoveryRequest, discovery_of),
}


def without_node(request: DeltaRequest | DiscoveryRequest) -> DeltaRequest | DiscoveryRequest:
    fields = {name: getattr(request, name) for name in request.__slots__ if name != "node"}
    return type(request)(**fields)


def test_the_first_request_of_an_envoy_is_read() -> None:
    """Type, subscriptions and nonce; the node apart, so that a server which knows it never reads it again."""
    sent = google.DeltaDiscoveryRequest(
        node=envoy_node(), type_url="T", resource_names_subscribe=["*", "a"], resource_names_unsubscribe=["b"]
    )

    request = decode_request(sent.SerializeToString(), DeltaRequest)

    assert without_node(request) == DeltaRequest(type_url="T", subscribe=("*", "a"), unsubscribe=("b",))
    assert request.node is not None
    assert 58_000 < len(request.node) < 64_000
    assert decode_node(request.node) == Node("envoy-1", "isoline", "envoy", (1, 40, 0))


def test_a_refusal_is_read() -> None:
    """A NACK: error_detail with its message, the nonce and the version that is still held."""
    sent = google.DiscoveryRequest(type_url="T", version_info="1", response_nonce="2", resource_names=["a"])
    sent.error_detail.code = 13
    sent.error_detail.message = "no such cluster"

    request = decode_request(sent.SerializeToString(), DiscoveryRequest)

    assert request == DiscoveryRequest("T", "1", ("a",), "2", ErrorDetail("no such cluster"))


def test_the_message_of_a_refusal_is_not_in_the_repr() -> None:
    """It may hold the refused resource, a private key included; logs print reprs."""
    assert repr(ErrorDetail("-----BEGIN")) == "ErrorDetail()"


def test_an_empty_request_is_all_defaults() -> None:
    """No field set: no node, no error."""
    assert decode_request(b"", DeltaRequest) == DeltaRequest()


@pytest.mark.parametrize("size", [1, 100, 128, 300])
def test_initial_versions_of_any_length_are_read(size: int) -> None:
    """A reconnecting Envoy tells what it holds; names longer than 127 bytes among short ones."""
    versions = {"a": "1", "n" * size: "2", "": "", "ä" * size: "v" * size, "z": "3"}
    sent = google.DeltaDiscoveryRequest(initial_resource_versions=versions, response_nonce="x")

    request = decode_request(sent.SerializeToString(), DeltaRequest)

    assert request.initial_versions == versions
    assert request.nonce == "x"


def test_fields_among_the_initial_versions_are_read() -> None:
    """Nothing in protobuf promises an order of fields."""
    entry = field(5, field(1, b"a") + field(2, b"1"))
    backwards = field(5, field(2, b"2") + field(1, b"b"))

    request = decode_request(entry + field(6, b"n") + backwards + field(2, b"T") + entry, DeltaRequest)

    assert request == DeltaRequest(type_url="T", nonce="n", initial_versions={"a": "1", "b": "2"})


def test_a_node_in_two_pieces_is_one_node() -> None:
    """Messages that come twice are merged (protobuf.dev/programming-guides/encoding#last-one-wins)."""
    request = decode_request(field(2, field(1, b"id")) + field(2, field(2, b"fleet")), DiscoveryRequest)

    assert request.node is not None
    assert decode_node(request.node) == Node("id", "fleet")


@pytest.mark.parametrize("kind", KINDS)
@given(seed=SEEDS, size=st.integers(1, 12))
def test_every_request_is_read_as_google_reads_it(
    kind: type[DeltaRequest | DiscoveryRequest], seed: int, size: int
) -> None:
    """All fields of the schema at random; those that a server has no use for change nothing."""
    theirs, of = KINDS[kind]
    sent = fill(theirs(), Random(seed), size)

    request = decode_request(sent.SerializeToString(), kind)

    assert without_node(request) == of(sent)
    assert decode_node(request.node or b"") == node_of(sent.node)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=SEEDS, size=st.integers(1, 6))
def test_what_google_reads_of_broken_bytes_is_read_alike(
    kind: type[DeltaRequest | DiscoveryRequest], seed: int, size: int
) -> None:
    """Bytes cut, changed and repeated at random: what upb takes is taken as the same; the rest may be."""
    theirs, of = KINDS[kind]
    random = Random(seed)
    data = broken(fill(theirs(), random, size).SerializeToString(), random)

    ours = read_or_none(data, kind)

    try:
        expected = theirs.FromString(data)
    except GoogleDecodeError:
        return
    assert ours == of(expected) or has_odd_entry(expected)


def has_odd_entry(request: Message) -> bool:
    """Whether upb has put a map's entry aside for an unknown field in it; other parsers keep the entry."""
    return any(f.field_number == 5 and f.wire_type == 2 for f in UnknownFieldSet(request))


def broken(data: bytes, random: Random) -> bytes:
    for _ in range(random.randint(1, 4)):
        at, end = sorted((random.randint(0, len(data)), random.randint(0, len(data))))
        noise = random.choice((b"", data[at:end], random.randbytes(random.randint(1, 9)), b"\xff" * 11))
        data = data[:at] + noise + data[random.choice((at, end)) :]
    return data


def read_or_none(
    data: bytes, kind: type[DeltaRequest | DiscoveryRequest]
) -> DeltaRequest | DiscoveryRequest | None:
    try:
        request = decode_request(data, kind)
        decode_node(request.node or b"")
    except DecodeError:
        return None
    return without_node(request)


@given(data=st.binary(max_size=200))
def test_noise_is_a_decode_error_or_a_request(data: bytes) -> None:
    """Whatever a peer sends ends its stream at worst; no other exception, no hang."""
    assert isinstance(read_or_none(data, DeltaRequest), DeltaRequest | None)
    assert isinstance(read_or_none(data, DiscoveryRequest), DiscoveryRequest | None)


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a",
        b"\x12\x05abc",
        b"\x12\xff\xff",
        b"\x12\x01\xff",
        b"\x80" * 11,
        b"\x0f",
        b"\x02\x00",
        b"\x0b\x08",
    ],
)
def test_broken_bytes_are_one_kind_of_error(data: bytes) -> None:
    """Cut short, no UTF-8, a varint without end, unknown wire types, field number 0, an open group."""
    with pytest.raises(DecodeError):
        decode_request(data, DeltaRequest)


def test_groups_and_fixed_fields_are_stepped_over() -> None:
    """Unknown fields of every wire type: group 20 with a group 21 inside, 64 bits 22, 32 bits 23."""
    unknown = bytes.fromhex("a301 ab01 0801 ac01 a401 b101 0102030405060708 bd01 01020304")

    assert decode_request(unknown + field(2, b"T"), DeltaRequest) == DeltaRequest(type_url="T")


def test_a_million_pieces_of_a_node_are_no_denial_of_service() -> None:
    """Merging piece by piece would copy 4 MB a million times; the test's time-out says it does not."""
    request = decode_request(b"\x0a\x02\x10\x00" * 1_000_000, DeltaRequest)

    assert request.node == b"\x10\x00" * 1_000_000
