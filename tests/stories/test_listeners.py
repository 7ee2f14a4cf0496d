"""The two listeners and their route configurations."""

import pytest
from envoy.extensions.filters.http.compressor.v3 import compressor_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from google.protobuf.json_format import MessageToDict

from tests.stories.world import Envoy

Manager = http_connection_manager_pb2.HttpConnectionManager


def manager(envoy: Envoy, listener: str) -> Manager:
    """The connection manager of a listener's only chain."""
    (chain,) = envoy.listeners[listener].filter_chains
    (filter_,) = chain.filters
    return Manager.FromString(filter_.typed_config.value)


def test_both_listeners_are_always_there(envoy: Envoy) -> None:
    """So that an unknown host is an honest 404, not a refused connection."""
    addresses = {name: listener.address.socket_address for name, listener in envoy.listeners.items()}

    assert {name: (a.address, a.port_value) for name, a in addresses.items()} == {
        "ingress_http": ("0.0.0.0", 8080),  # noqa: S104 - the default of command.md
        "ingress_https": ("0.0.0.0", 8443),  # noqa: S104
    }
    assert {item.per_connection_buffer_limit_bytes.value for item in envoy.listeners.values()} == {32768}


def test_the_https_listener_chooses_no_chain_and_reads_the_server_name(envoy: Envoy) -> None:
    """No host has TLS: a matcher that names nothing refuses every handshake."""
    https = envoy.listeners["ingress_https"]

    assert [item.name for item in https.listener_filters] == ["envoy.filters.listener.tls_inspector"]
    assert https.HasField("filter_chain_matcher")
    assert https.filter_chain_matcher.ByteSize() == 0
    assert not envoy.listeners["ingress_http"].HasField("filter_chain_matcher")


@pytest.mark.parametrize("name", ["ingress_http", "ingress_https"])
def test_the_connection_manager_is_set_for_an_edge(envoy: Envoy, name: str) -> None:
    """As Envoy's edge guide asks; what stands in its own messages is written here too."""
    message = manager(envoy, name)
    filters, logs = [item.name for item in message.http_filters], [item.name for item in message.access_log]
    message.ClearField("http_filters")
    message.ClearField("access_log")

    assert filters == [f"envoy.filters.http.{item}" for item in FILTERS]
    assert logs == ["envoy.access_loggers.stdout"]
    assert MessageToDict(message, preserving_proto_field_name=True) == MANAGER | {
        "stat_prefix": name,
        "rds": {"config_source": {"ads": {}, "resource_api_version": "V3"}, "route_config_name": name},
    }


FILTERS = ["compressor.zstd", "compressor.brotli", "compressor.gzip", "grpc_web", "router"]
MANAGER = {
    "use_remote_address": True,
    "normalize_path": True,
    "merge_slashes": True,
    "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
    "strip_matching_host_port": True,
    "strip_trailing_host_dot": True,
    "preserve_external_request_id": True,
    "common_http_protocol_options": {
        "idle_timeout": "3600s",
        "headers_with_underscores_action": "DROP_HEADER",
    },
    "http_protocol_options": {"accept_http_10": True},
    "http2_protocol_options": {
        "max_concurrent_streams": 100,
        "initial_stream_window_size": 65536,
        "initial_connection_window_size": 1048576,
    },
    "stream_idle_timeout": "300s",
    "request_timeout": "300s",
    "request_headers_timeout": "10s",
}


def test_a_route_configuration_has_no_hosts_and_says_when_a_request_came(envoy: Envoy) -> None:
    """Hosts come by VHDS, or the xDS server puts them in; a port in the Host header is ignored."""
    start = {"key": "x-request-start", "value": "t=%START_TIME(%s.%3f)%"}
    meant = {
        "ignore_port_in_host_matching": True,
        "request_headers_to_add": [{"header": start, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}],
    }

    held = {
        name: MessageToDict(item, preserving_proto_field_name=True) for name, item in envoy.routes.items()
    }

    assert held == {"ingress_http": meant, "ingress_https": meant}


@pytest.mark.parametrize("options", [{"proxy_protocol": True, "xff_num_trusted_hops": 2, "listen": "::"}])
def test_flags_of_the_listeners(envoy: Envoy) -> None:
    """PROXY protocol before TLS; trusted hops; `::` takes IPv4 too."""
    proxy, inspector = "envoy.filters.listener.proxy_protocol", "envoy.filters.listener.tls_inspector"

    filters = {name: [f.name for f in item.listener_filters] for name, item in envoy.listeners.items()}

    assert filters == {"ingress_http": [proxy], "ingress_https": [proxy, inspector]}
    assert manager(envoy, "ingress_http").xff_num_trusted_hops == 2
    assert envoy.listeners["ingress_http"].address.socket_address.ipv4_compat


def test_each_compressor_has_its_library(envoy: Envoy) -> None:
    """zstd, brotli and gzip, in that order among equals."""
    filters = manager(envoy, "ingress_http").http_filters[:3]
    libraries = [
        compressor_pb2.Compressor.FromString(f.typed_config.value).compressor_library for f in filters
    ]

    assert [item.name for item in libraries] == [
        "envoy.compression.zstd.compressor",
        "envoy.compression.brotli.compressor",
        "envoy.compression.gzip.compressor",
    ]
