"""Envoy's resources as it writes them itself, without what is secret."""

from collections.abc import Mapping
from typing import Any

from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment
from envoy_data_plane.envoy.config.listener.v3 import Listener
from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration, VirtualHost
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import Secret

from runtime.link.row import Row
from runtime.wire import decode, to_json

TYPES: dict[str, Any] = {
    "listeners": Listener,
    "routes": RouteConfiguration,
    "hosts": VirtualHost,
    "clusters": Cluster,
    "endpoints": ClusterLoadAssignment,
    "secrets": Secret,
}
# Fields of Envoy's TLS messages (extensions.transport_sockets.tls.v3) that hold a secret.
SECRET = frozenset({"private_key", "pkcs12", "password", "session_ticket_keys", "generic_secret"})
REDACTED = "<redacted>"


def rendered(resources: Mapping[str, Row]) -> dict[str, dict[str, Any]]:
    """By type and name, each in Envoy's JSON; every type is there, the names are sorted."""
    found: dict[str, dict[str, Any]] = {type_: {} for type_ in TYPES}
    for key in sorted(resources):
        type_, _, name = key.partition("/")
        found[type_][name] = redacted(to_json(decode(TYPES[type_], resources[key].body)))
    return found


def redacted(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The same, with REDACTED for what is secret."""
    if isinstance(value, dict):
        return {key: REDACTED if key in SECRET else redacted(item) for key, item in value.items()}
    return [redacted(item) for item in value] if isinstance(value, list) else value
