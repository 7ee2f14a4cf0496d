"""Envoy's resources as it writes them itself, without what is secret."""

import textwrap
from collections.abc import Mapping
from typing import Any

from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment
from envoy_data_plane.envoy.config.listener.v3 import Listener
from envoy_data_plane.envoy.config.route.v3 import RouteConfiguration, VirtualHost
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import Secret

from isoline import output
from isoline.flag import Form
from runtime.link.row import Row
from runtime.wire import decode, to_json

# What stands in an Any is shown once its module has been imported; the translator imports all that it uses.
from translator import translator as _translator  # noqa: F401

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
    bodies: dict[str, dict[str, bytes]] = {type_: {} for type_ in TYPES}
    for key, row in resources.items():
        type_, _, name = key.partition("/")
        bodies[type_][name] = row.body
    return {type_: of_type(type_, found) for type_, found in bodies.items()}


def of_type(type_: str, bodies: Mapping[str, bytes]) -> dict[str, Any]:
    """Resources of one type by name, sorted, each in Envoy's JSON."""
    return {name: redacted(to_json(decode(TYPES[type_], bodies[name]))) for name in sorted(bodies)}


def redacted(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The same, with REDACTED for what is secret."""
    if isinstance(value, dict):
        return {key: REDACTED if key in SECRET else redacted(item) for key, item in value.items()}
    return [redacted(item) for item in value] if isinstance(value, list) else value


def show(found: Mapping[str, Mapping[str, Any]], form: Form) -> None:
    """Writes resources by type and name: an object with a list for each type, or a heading for each
    resource.
    """
    lists = {type_: list(each.values()) for type_, each in found.items()}
    output.result(output.shown(form, lists, lambda: _text(found)))


def _text(found: Mapping[str, Mapping[str, Any]]) -> str:
    colours = output.coloured()
    return "\n".join(
        f"{output.styled(f'{type_} {name}', 'green', on=colours)}\n"
        f"{textwrap.indent(output.as_yaml(content), '  ')}"
        for type_, each in found.items()
        for name, content in each.items()
    )
