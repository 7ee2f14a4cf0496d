"""Clusters."""

from datetime import timedelta

from envoy_data_plane.envoy.config.cluster.v3 import ClusterDiscoveryType
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as upstream

from runtime.wire import any_of, encode, unchecked
from translator.envoy import v3

CONNECT_TIMEOUT = timedelta(seconds=2)
# Envoy's edge guide: bounds what one connection may make Envoy hold.
CONNECTION_BUFFER = 32 * 1024
_PROTOCOL = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

_HttpProtocolOptions = unchecked(upstream.HttpProtocolOptions)
_ExplicitHttpConfig = unchecked(upstream.HttpProtocolOptionsExplicitHttpConfig)
_Http2ProtocolOptions = unchecked(core.Http2ProtocolOptions)


def cluster(name: str, assignment: str, *, http2: bool = False) -> bytes:
    """The cluster `name`, whose endpoints come by EDS as the load assignment `assignment`; round robin.

    Its endpoints are spoken to in HTTP/1.1, or in `http2` with prior knowledge.
    """
    explicit = _ExplicitHttpConfig(http2_protocol_options=_Http2ProtocolOptions())
    options = {_PROTOCOL: any_of(_HttpProtocolOptions(explicit_http_config=explicit))} if http2 else {}
    return encode(
        v3.Cluster(
            name=name,
            type=ClusterDiscoveryType.EDS,
            eds_cluster_config=v3.EdsClusterConfig(eds_config=v3.ADS, service_name=assignment),
            connect_timeout=CONNECT_TIMEOUT,
            per_connection_buffer_limit_bytes=CONNECTION_BUFFER,
            typed_extension_protocol_options=options,
        )
    )
