"""What `encode` writes, against google's own protobuf (upb)."""

import datetime as dt
from random import Random

import pytest
from betterproto2 import Message
from envoy_data_plane import validate
from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.google import protobuf
from hypothesis import given
from hypothesis import strategies as st

from runtime.wire import DecodeError, checked, decode, encode, field, unchecked
from runtime.wire.scalar import timestamp
from tests.wire.mirror import CLASSES, fill, library_class, mirror

SEEDS = st.integers(0, 2**32)
SIZES = st.integers(1, 24)


@given(name=st.sampled_from(sorted(CLASSES)), seed=SEEDS, size=SIZES)
def test_google_reads_what_is_written_as_the_message_it_is(name: str, seed: int, size: int) -> None:
    """Every field of every class that isoline makes, read and written again by upb, bit for bit."""
    theirs = fill(CLASSES[name](), Random(seed), size)

    read = CLASSES[name].FromString(encode(mirror(theirs)))

    assert read.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)


@given(name=st.sampled_from(sorted(CLASSES)), seed=SEEDS, size=SIZES)
def test_what_google_wrote_is_read_as_the_message_it_is(name: str, seed: int, size: int) -> None:
    """`decode` loses nothing, and equal messages are equal bytes, whoever wrote them in what order."""
    theirs = fill(CLASSES[name](), Random(seed), size)

    ours = decode(library_class(theirs.DESCRIPTOR), theirs.SerializeToString())

    assert encode(ours) == encode(mirror(theirs))


@pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")
@given(name=st.sampled_from(sorted(CLASSES)), seed=SEEDS, size=st.integers(1, 4))
def test_validated_messages_are_written_as_unchecked_ones(name: str, seed: int, size: int) -> None:
    """The library's own constructors make the same message, and so the same bytes."""
    message = mirror(fill(CLASSES[name](), Random(seed), size))

    assert encode(checked(message)) == encode(message)


def test_a_small_cluster_is_the_bytes_that_the_encoding_guide_says() -> None:
    """Fields in the order of their numbers: name 1, type 2, connect_timeout 4, lb_policy 6."""
    message = unchecked(cluster.Cluster)(
        lb_policy=cluster.ClusterLbPolicy.LEAST_REQUEST,
        connect_timeout=dt.timedelta(seconds=1.5),
        name="ab",
        type=cluster.ClusterDiscoveryType.EDS,
    )

    assert encode(message) == bytes.fromhex("0a026162 1003 2208 0801 1080cab5ee01 3001")


def test_the_zero_of_a_oneof_is_written_and_the_zero_of_a_plain_field_is_not() -> None:
    """Presence is explicit in a oneof (port_value 3), implicit elsewhere (protocol 1)."""
    address = unchecked(core.SocketAddress)(protocol=core.SocketAddressProtocol.TCP, port_value=0)

    assert encode(address) == b"\x18\x00"


def test_the_zero_of_a_wrapper_is_an_empty_message() -> None:
    """load_balancing_weight 4 is a UInt32Value: 0 is not the same as unset."""
    assert encode(unchecked(endpoint.LbEndpoint)(load_balancing_weight=0)) == b"\x22\x00"


def test_a_map_is_sorted_by_key() -> None:
    """Equal messages are equal bytes, whatever order their maps were filled in."""
    value = unchecked(protobuf.Value)(bool_value=True)
    one = unchecked(protobuf.Struct)(fields={"b": value, "a": value})

    assert encode(one) == bytes.fromhex("0a07 0a0161 12022001 0a07 0a0162 12022001")


def test_unknown_fields_are_kept() -> None:
    """A field that the schema does not know (100 = 7) is written back behind the others."""
    data = bytes.fromhex("a00607 0a026162")

    assert encode(decode(cluster.Cluster, data)) == bytes.fromhex("0a026162 a00607")


def test_a_number_beyond_64_bits_raises() -> None:
    """Nobody has checked the value; what fits no varint must not become a broken one."""
    with pytest.raises(OverflowError):
        encode(unchecked(endpoint.LbEndpoint)(load_balancing_weight=1 << 64))


def test_what_is_no_message_raises() -> None:
    """Only the library's message classes have an encoder."""
    with pytest.raises(TypeError, match="str is no message class"):
        encode("Cluster")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (unchecked(validate.SInt32Rules)(const=-1), "0801"),
        (unchecked(validate.SInt64Rules)(const=1 << 62), "0880808080808080808001"),
        (unchecked(validate.Fixed32Rules)(const=1), "0d01000000"),
        (unchecked(validate.SFixed32Rules)(const=-2), "0dfeffffff"),
        (unchecked(validate.Fixed64Rules)(const=1), "090100000000000000"),
        (unchecked(validate.SFixed64Rules)(const=-1), "09ffffffffffffffff"),
        (unchecked(validate.FloatRules)(const=-0.0), "0d00000080"),
    ],
)
def test_the_types_that_envoy_does_not_use_are_written_too(message: Message, expected: str) -> None:
    """Zigzag and fixed numbers (protobuf.dev/programming-guides/encoding), and read back."""
    assert encode(message) == bytes.fromhex(expected)
    assert decode(type(message), bytes.fromhex(expected)) == message


def test_a_time_without_a_zone_raises() -> None:
    """Nobody can say which moment it is."""
    with pytest.raises(TypeError):
        timestamp(dt.datetime(2026, 1, 1))  # noqa: DTZ001 - the point


def test_messages_nested_a_thousand_deep_are_refused() -> None:
    """Google's parsers stop at 100 levels; so does `decode`, instead of with a RecursionError."""
    data = b""
    for _ in range(1000):
        data = field(6, field(1, data))  # a Value that is a list of one Value

    with pytest.raises(DecodeError, match="more than 100 messages in one another"):
        decode(protobuf.Value, data)


def test_repeated_numbers_are_packed() -> None:
    """retriable_status_codes 7: one field, its numbers behind one another (503 takes two bytes)."""
    policy = unchecked(route.RetryPolicy)(retriable_status_codes=[1, 503])

    assert encode(policy) == bytes.fromhex("3a03 01 f703")


def test_repeated_numbers_are_read_unpacked_too() -> None:
    """A parser must take both forms (protobuf.dev/programming-guides/encoding#packed)."""
    assert decode(route.RetryPolicy, bytes.fromhex("3801 38f703")).retriable_status_codes == [1, 503]


@pytest.mark.parametrize(
    "data", [b"\x0a", b"\x0a\x05abc", b"\x0a\xff", b"\x0a\x01\xff", b"\x0f", b"\x3a\x01\xff", b"\x00\x00"]
)
def test_broken_bytes_are_one_kind_of_error(data: bytes) -> None:
    """Cut short, no UTF-8, an unknown wire type, field number 0."""
    with pytest.raises(DecodeError):
        decode(route.RetryPolicy, data)
