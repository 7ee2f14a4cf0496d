"""Messages as JSON, against google's own protobuf."""

import datetime as dt
import json
import math
from random import Random

import pytest
from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.filters.http.router import v3 as router
from envoy_data_plane.google import protobuf
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from runtime.wire import any_of, decode, to_json, unchecked
from tests.wire.mirror import CLASSES, fill, mirror


@given(name=st.sampled_from(sorted(CLASSES)), seed=st.integers(0, 2**32), size=st.integers(1, 24))
def test_any_message_is_the_json_that_google_makes(name: str, seed: int, size: int) -> None:
    """Original field names, enums by name, 64-bit numbers as text, bytes as base64, Any expanded."""
    theirs = fill(CLASSES[name](), Random(seed), size)

    ours = to_json(mirror(theirs))

    assert same(ours, json_format.MessageToDict(theirs, preserving_proto_field_name=True))


def same(ours: object, theirs: object) -> bool:
    """As JSON text, so that 1 is not true and -0.0 is not 0."""
    return json.dumps(ours, sort_keys=True) == json.dumps(theirs, sort_keys=True)


def test_a_cluster_reads_as_in_an_envoy_yaml() -> None:
    """Only what is set, under Envoy's own names."""
    message = unchecked(cluster.Cluster)(
        name="default/kuard/80",
        type=cluster.ClusterDiscoveryType.EDS,
        connect_timeout=dt.timedelta(seconds=2),
        per_connection_buffer_limit_bytes=32768,
        eds_cluster_config=cluster.ClusterEdsClusterConfig(
            eds_config=core.ConfigSource(ads=core.AggregatedConfigSource())
        ),
    )

    assert to_json(message) == {
        "name": "default/kuard/80",
        "type": "EDS",
        "eds_cluster_config": {"eds_config": {"ads": {}}},
        "connect_timeout": "2s",
        "per_connection_buffer_limit_bytes": 32768,
    }


def test_an_any_is_expanded() -> None:
    """The message's own fields stand beside "@type"."""
    message = any_of(unchecked(router.Router)(suppress_envoy_headers=True))
    filter_ = unchecked(core.TypedExtensionConfig)(name="router", typed_config=message)

    assert to_json(filter_) == {
        "name": "router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": True,
        },
    }


def test_an_any_of_a_well_known_type_stands_under_value() -> None:
    """A Duration is text in JSON, so it has no fields to stand beside "@type"."""
    message = any_of(unchecked(protobuf.Duration)(seconds=1, nanos=500_000_000))
    config = unchecked(core.TypedExtensionConfig)(typed_config=message)

    assert to_json(config) == {
        "typed_config": {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1.500s"}
    }


def test_an_any_of_an_unknown_type_is_shown_as_bytes() -> None:
    """Its module may not have been imported; what is there is shown all the same."""
    message = unchecked(protobuf.Any)(type_url="type.googleapis.com/isoline.Unknown", value=b"\x00\xff")
    config = unchecked(core.TypedExtensionConfig)(typed_config=message)

    assert to_json(config) == {
        "typed_config": {"@type": "type.googleapis.com/isoline.Unknown", "value": "AP8="}
    }


def test_an_enum_value_of_a_newer_schema_is_a_number() -> None:
    """proto3 enums are open."""
    assert to_json(decode(cluster.Cluster, b"\x10\x63")) == {"type": 99}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.1, 0.1), (math.inf, "Infinity"), (-math.inf, "-Infinity"), (math.nan, "NaN")],
)
def test_a_double_that_json_has_no_number_for_is_text(value: float, expected: object) -> None:
    """protobuf.dev/programming-guides/json."""
    assert to_json(
        unchecked(protobuf.Struct)(fields={"x": unchecked(protobuf.Value)(number_value=value)})
    ) == {"fields": {"x": expected}}
