"""Messages built without a check, and checked."""

import datetime as dt
import subprocess
import sys

import pytest
from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.google import protobuf
from pydantic import ValidationError

from runtime.wire import DecodeError, any_of, checked, encode, unchecked


def test_an_unchecked_message_equals_the_checked_one() -> None:
    """The same class, the same values, the same defaults."""
    made = unchecked(cluster.Cluster)(name="a", connect_timeout=dt.timedelta(seconds=1))

    assert made == cluster.Cluster(name="a", connect_timeout=dt.timedelta(seconds=1))
    assert made.health_checks == []
    assert made.lb_policy is cluster.ClusterLbPolicy.ROUND_ROBIN
    assert made.eds_cluster_config is None


def test_unchecked_messages_share_no_list() -> None:
    """A default list belongs to its message."""
    make = unchecked(cluster.Cluster)
    make().health_checks.append(core.HealthCheck())

    assert make().health_checks == []


def test_an_unchecked_message_takes_no_unknown_field() -> None:
    """A misspelt field would vanish silently."""
    with pytest.raises(TypeError, match="Cluster has no field nam"):
        unchecked(cluster.Cluster)(nam="a")  # type: ignore[call-arg]


def test_only_a_message_class_has_an_unchecked_constructor() -> None:
    """A mistake at import, not at the first message."""
    with pytest.raises(TypeError, match="no message class"):
        unchecked(dict)


def test_checked_makes_the_same_message() -> None:
    """The law over all classes is in test_encoder.py."""
    made = unchecked(endpoint.LbEndpoint)(load_balancing_weight=3)

    assert checked(made) == made


@pytest.mark.parametrize(
    "message",
    [
        unchecked(endpoint.LbEndpoint)(load_balancing_weight=-1),
        unchecked(cluster.Cluster)(name=7),  # type: ignore[arg-type]
        unchecked(cluster.Cluster)(health_checks=[cluster.Cluster()]),  # type: ignore[list-item]
        unchecked(route.RouteMatch)(prefix="/", path="/"),
        unchecked(endpoint.Endpoint)(address=unchecked(core.Address)(pipe=unchecked(core.Pipe)(mode=-1))),
    ],
    ids=["range", "type", "item", "oneof", "deep"],
)
def test_checked_refuses_what_the_library_refuses(message: object) -> None:
    """A number out of its range, a wrong type, a wrong message, both of a oneof; at any depth."""
    with pytest.raises(ValidationError):
        checked(message)


def test_checked_looks_into_an_any() -> None:
    """The content is checked by its type, when its module has been imported."""
    broken = unchecked(protobuf.Any)(
        type_url="type.googleapis.com/envoy.config.cluster.v3.Cluster", value=b"\x0a\x05a"
    )

    with pytest.raises(DecodeError):
        checked(unchecked(core.TypedExtensionConfig)(typed_config=broken))


def test_any_of_names_the_type_and_holds_the_bytes() -> None:
    """As google.protobuf.Any.Pack does."""
    message = unchecked(cluster.Cluster)(name="a")

    packed = any_of(message)

    assert packed.type_url == "type.googleapis.com/envoy.config.cluster.v3.Cluster"
    assert packed.value == encode(message) == b"\x0a\x01a"


def test_the_package_does_not_load_the_library() -> None:
    """The xDS server frames bytes and never needs it: 0.2 s of start and 23 MB of each replica."""
    code = "import runtime.wire, sys; print('betterproto2' in sys.modules, 'pydantic' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False False\n"
