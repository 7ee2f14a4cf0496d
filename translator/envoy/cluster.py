"""Clusters."""

from datetime import timedelta

from envoy_data_plane.envoy.config.cluster.v3 import ClusterDiscoveryType

from runtime.wire import encode
from translator.envoy import v3

CONNECT_TIMEOUT = timedelta(seconds=2)
# Envoy's edge guide: bounds what one connection may make Envoy hold.
CONNECTION_BUFFER = 32 * 1024


def cluster(name: str, assignment: str) -> bytes:
    """The cluster `name`, whose endpoints come by EDS as the load assignment `assignment`; round robin."""
    return encode(
        v3.Cluster(
            name=name,
            type=ClusterDiscoveryType.EDS,
            eds_cluster_config=v3.EdsClusterConfig(eds_config=v3.ADS, service_name=assignment),
            connect_timeout=CONNECT_TIMEOUT,
            per_connection_buffer_limit_bytes=CONNECTION_BUFFER,
        )
    )
