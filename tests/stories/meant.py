"""The messages that are meant, built with google's own classes: what Envoy should hold, written out."""

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import config_source_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.route.v3 import route_components_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2

V3 = config_source_pb2.V3


def cluster(*, eds: str, http2: bool = False) -> cluster_pb2.Cluster:
    """A cluster, without its name, whose endpoints come as the load assignment `eds`."""
    meant = cluster_pb2.Cluster(type=cluster_pb2.Cluster.EDS)
    meant.eds_cluster_config.service_name = eds
    meant.eds_cluster_config.eds_config.ads.SetInParent()
    meant.eds_cluster_config.eds_config.resource_api_version = V3
    meant.connect_timeout.seconds = 2
    meant.per_connection_buffer_limit_bytes.value = 32768
    if http2:
        options = http_protocol_options_pb2.HttpProtocolOptions()
        windows = options.explicit_http_config.http2_protocol_options
        windows.initial_stream_window_size.value = 65536
        windows.initial_connection_window_size.value = 1048576
        name = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        meant.typed_extension_protocol_options[name].Pack(options)
    return meant


def endpoints(*addresses: str, **zones: list[str]) -> endpoint_pb2.ClusterLoadAssignment:
    """A load assignment, without its name, of `10.0.0.1:8080` without zone, and of those of each zone."""
    meant = endpoint_pb2.ClusterLoadAssignment()
    for zone, listed in [("", list(addresses)), *sorted(zones.items())]:
        locality = meant.endpoints.add() if listed else None
        for item in listed:
            host, _, port = item.rpartition(":")
            socket = locality.lb_endpoints.add().endpoint.address.socket_address
            socket.address = host.strip("[]")
            socket.port_value = int(port)
        if zone:
            locality.locality.zone = zone
    return meant


def route(
    to: str = "",
    *,
    of: str,
    exact: str = "",
    regex: str = "",
    prefix: str = "",
    string_prefix: str = "",
    status: int = 0,
    authority: tuple[str, bool] | None = None,
) -> route_components_pb2.Route:
    """A route of the Ingress `of` (in `default` unless it says so) to a cluster, or answered with a status.

    `authority` is the regular expression that the host must match, and whether it must not.
    """
    meant = route_components_pb2.Route(name=f"Ingress/{of}" if "/" in of else f"Ingress/default/{of}")
    if exact:
        meant.match.path = exact
    elif regex:
        meant.match.safe_regex.regex = regex
    elif string_prefix or prefix == "/":
        meant.match.prefix = string_prefix or "/"
    else:
        meant.match.path_separated_prefix = prefix
    if authority is not None:
        header = meant.match.headers.add(name=":authority", invert_match=authority[1])
        header.string_match.safe_regex.regex = authority[0]
    if status:
        meant.direct_response.status = status
    else:
        meant.route.cluster = to
    return meant


def host(domain: str, *routes: route_components_pb2.Route) -> route_components_pb2.VirtualHost:
    """A virtual host, without its name."""
    return route_components_pb2.VirtualHost(domains=[domain], routes=routes)
