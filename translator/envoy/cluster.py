"""Clusters."""

from datetime import timedelta

from envoy_data_plane.envoy.config.cluster import v3 as pb
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
from envoy_data_plane.envoy.extensions.transport_sockets.tls import v3 as tls
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as upstream
from envoy_data_plane.google.protobuf import Any

from runtime.wire import any_of, encode, unchecked
from translator.envoy import v3
from translator.model import NO_LIMITS, Cluster, External, Limits, Speech

CONNECT_TIMEOUT = timedelta(seconds=2)
# Envoy's edge guide: bounds what one connection may make Envoy hold.
CONNECTION_BUFFER = 32 * 1024
_PROTOCOL = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

_HttpProtocolOptions = unchecked(upstream.HttpProtocolOptions)
_ExplicitHttpConfig = unchecked(upstream.HttpProtocolOptionsExplicitHttpConfig)
# Envoy's edge guide: bounds what a backend may send before its client has taken it.
_HTTP2 = unchecked(core.Http2ProtocolOptions)(
    initial_stream_window_size=64 * 1024, initial_connection_window_size=1024 * 1024
)
_CircuitBreakers = unchecked(pb.CircuitBreakers)
_Thresholds = unchecked(pb.CircuitBreakersThresholds)
_TransportSocket = unchecked(core.TransportSocket)
_UpstreamTlsContext = unchecked(tls.UpstreamTlsContext)
_CommonTlsContext = unchecked(tls.CommonTlsContext)
_Tls = tls.TlsParametersTlsProtocol
# A client of Envoy's offers no more than 1.2 by default.
_VERSIONS = unchecked(tls.TlsParameters)(
    tls_minimum_protocol_version=_Tls.TLSv1_2, tls_maximum_protocol_version=_Tls.TLSv1_3
)


def cluster(name: str, made_of: Cluster) -> bytes:
    """The cluster `name`; round robin. Its endpoints come by EDS, or by DNS, asked again as its answers
    expire.
    """
    message = v3.Cluster(
        name=name,
        connect_timeout=CONNECT_TIMEOUT,
        per_connection_buffer_limit_bytes=CONNECTION_BUFFER,
        typed_extension_protocol_options=_options(made_of.speech),
        circuit_breakers=_circuit_breakers(made_of.limits),
        transport_socket=_transport_socket(made_of),
    )
    if isinstance(made_of.endpoints, External):
        message.type = pb.ClusterDiscoveryType.STRICT_DNS
        message.dns_lookup_family = pb.ClusterDnsLookupFamily.V4_PREFERRED
        message.respect_dns_ttl = True
        message.load_assignment = _external(name, made_of.endpoints)
    else:
        message.type = pb.ClusterDiscoveryType.EDS
        message.eds_cluster_config = v3.EdsClusterConfig(eds_config=v3.ADS, service_name=made_of.endpoints)
    return encode(message)


def _external(name: str, host: External) -> endpoint.ClusterLoadAssignment:
    socket = v3.SocketAddress(address=host.name, port_value=host.port)
    found = v3.LbEndpoint(endpoint=v3.Endpoint(address=v3.Address(socket_address=socket)))
    return v3.ClusterLoadAssignment(
        cluster_name=name, endpoints=[v3.LocalityLbEndpoints(lb_endpoints=[found])]
    )


def _options(speech: Speech) -> dict[str, Any]:
    if speech not in {Speech.H2C, Speech.H2}:
        return {}
    explicit = _ExplicitHttpConfig(http2_protocol_options=_HTTP2)
    return {_PROTOCOL: any_of(_HttpProtocolOptions(explicit_http_config=explicit))}


def _transport_socket(made_of: Cluster) -> core.TransportSocket | None:
    """TLS without a look at the certificate; an external host is told its name."""
    if made_of.speech not in {Speech.TLS, Speech.H2}:
        return None
    alpn = ["h2"] if made_of.speech is Speech.H2 else []
    context = _UpstreamTlsContext(
        common_tls_context=_CommonTlsContext(tls_params=_VERSIONS, alpn_protocols=alpn),
        sni=made_of.endpoints.server_name if isinstance(made_of.endpoints, External) else "",
    )
    return _TransportSocket(name="envoy.transport_sockets.tls", typed_config=any_of(context))


def _circuit_breakers(limits: Limits) -> pb.CircuitBreakers | None:
    if limits == NO_LIMITS:
        return None
    shared = _Thresholds(
        max_connections=limits.connections,
        max_pending_requests=limits.pending_requests,
        max_requests=limits.requests,
        max_retries=limits.retries,
    )
    per_host = _Thresholds(max_connections=limits.connections_per_host)
    return _CircuitBreakers(
        thresholds=[shared] if limits != Limits(connections_per_host=limits.connections_per_host) else [],
        per_host_thresholds=[per_host] if limits.connections_per_host is not None else [],
    )
