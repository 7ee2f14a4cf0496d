"""Responses framed around resources, as google's own protobuf (upb) reads them."""

import pytest
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.service.discovery.v3 import discovery_pb2 as google

from runtime.wire import delta_resource, delta_response, field, sotw_resource, sotw_response, varint

TYPE = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
BODY = b"\x0a\x01a"  # a Cluster named a


def test_a_delta_response_is_what_google_writes() -> None:
    """Two resources, one of them empty, and two names that are gone."""
    expected = google.DeltaDiscoveryResponse(type_url=TYPE, nonce="42", removed_resources=["x", "y"])
    expected.control_plane.identifier = "isoline"
    for name, version, body in (("a", "v1", BODY), ("b", "v2", b"")):
        resource = expected.resources.add(name=name, version=version)
        resource.resource.type_url = TYPE
        resource.resource.value = body

    framed = delta_response(
        TYPE,
        [delta_resource(TYPE, "a", "v1", BODY), delta_resource(TYPE, "b", "v2", b"")],
        ["x", "y"],
        nonce="42",
        control_plane="isoline",
    )

    assert framed == expected.SerializeToString()


def test_a_resource_that_does_not_exist_has_its_names_and_no_body() -> None:
    """The answer to a VHDS alias that cannot be resolved (vhds.rst)."""
    expected = google.DeltaDiscoveryResponse()
    expected.resources.add(name="r/a", aliases=["r/b", "r/c"])

    assert delta_resource(TYPE, "r/a", "", None, aliases=("r/b", "r/c")) == expected.SerializeToString()


def test_a_sotw_response_is_what_google_writes() -> None:
    """The complete set of clusters, in the order given."""
    expected = google.DiscoveryResponse(version_info="v", type_url=TYPE, nonce="42")
    expected.control_plane.identifier = "isoline"
    for body in (BODY, b""):
        expected.resources.add(type_url=TYPE, value=body)

    framed = sotw_response(
        TYPE,
        [sotw_resource(TYPE, BODY), sotw_resource(TYPE, b"")],
        version="v",
        nonce="42",
        control_plane="isoline",
    )

    assert framed == expected.SerializeToString()


def test_an_empty_response_is_type_and_nonce() -> None:
    """An answer that there is nothing is an answer: the peer ends its waiting."""
    assert delta_response(TYPE, [], [], nonce="1") == field(4, TYPE.encode()) + b"\x2a\x011"


def test_hosts_are_appended_to_an_encoded_route_configuration() -> None:
    """Protobuf concatenates: virtual_hosts is field 2 of RouteConfiguration."""
    head = RouteConfiguration(name="ingress_http").SerializeToString()
    hosts = [field(2, field(1, name)) for name in (b"a", b"b")]

    read = RouteConfiguration.FromString(head + b"".join(hosts))

    assert read.name == "ingress_http"
    assert [host.name for host in read.virtual_hosts] == ["a", "b"]


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (0, "00"),
        (1, "01"),
        (127, "7f"),
        (128, "8001"),
        (150, "9601"),
        (2047, "ff0f"),
        (2048, "8010"),
        (16384, "808001"),
        ((1 << 64) - 1, "ffffffffffffffffff01"),
        (-2, "feffffffffffffffff01"),
    ],
)
def test_a_varint_is_seven_bits_a_byte_lowest_first(n: int, expected: str) -> None:
    """protobuf.dev/programming-guides/encoding#varints; a negative number as 64-bit two's complement."""
    assert varint(n) == bytes.fromhex(expected)


@pytest.mark.parametrize("n", [1 << 64, -(1 << 63) - 1])
def test_a_number_beyond_64_bits_is_no_varint(n: int) -> None:
    """Neither signed nor unsigned."""
    with pytest.raises(OverflowError):
        varint(n)
