"""The two listeners; always there, so that an unknown host gets an honest 404, not a refused connection."""

from datetime import timedelta

from envoy_data_plane.envoy.config.listener import v3 as pb
from envoy_data_plane.envoy.extensions.filters.listener.proxy_protocol import v3 as proxy_protocol
from envoy_data_plane.envoy.extensions.filters.listener.tls_inspector import v3 as tls_inspector
from envoy_data_plane.xds.type.matcher.v3 import Matcher

from runtime.wire import any_of, encode, unchecked
from translator import names
from translator.envoy import connection_manager, v3
from translator.settings import Settings

# Envoy's edge guide.
CONNECTION_BUFFER = 32 * 1024
LISTENER_FILTERS = timedelta(seconds=15)


def ingress_http(settings: Settings) -> bytes:
    """The listener for HTTP."""
    serve = connection_manager.filter_(names.INGRESS_HTTP, xff_num_trusted_hops=settings.xff_num_trusted_hops)
    chain = v3.FilterChain(name=names.INGRESS_HTTP, filters=[serve])
    return encode(_listener(settings, names.INGRESS_HTTP, settings.http_port, [], chain))


def ingress_https(settings: Settings) -> bytes:
    """The listener for HTTPS. No host has TLS yet, so every handshake is refused.

    A matcher that names no chain chooses none, and Envoy then closes the connection; but it takes no listener
    without any chain, so there is one that is never chosen.
    """
    serve = connection_manager.filter_(
        names.INGRESS_HTTPS, xff_num_trusted_hops=settings.xff_num_trusted_hops
    )
    inspect = v3.ListenerFilter(
        name="envoy.filters.listener.tls_inspector",
        typed_config=any_of(unchecked(tls_inspector.TlsInspector)()),
    )
    chain = v3.FilterChain(name="none", filters=[serve])
    listener = _listener(settings, names.INGRESS_HTTPS, settings.https_port, [inspect], chain)
    listener.filter_chain_matcher = unchecked(Matcher)()
    return encode(listener)


def _listener(
    settings: Settings, name: str, port: int, filters: list[pb.ListenerFilter], chain: pb.FilterChain
) -> pb.Listener:
    """`ipv4_compat` makes `::` take IPv4 as well."""
    socket = v3.SocketAddress(address=settings.listen, port_value=port, ipv4_compat=settings.listen == "::")
    if settings.proxy_protocol:
        config = any_of(unchecked(proxy_protocol.ProxyProtocol)())
        filters = [
            v3.ListenerFilter(name="envoy.filters.listener.proxy_protocol", typed_config=config),
            *filters,
        ]
    return v3.Listener(
        name=name,
        address=v3.Address(socket_address=socket),
        listener_filters=filters,
        listener_filters_timeout=LISTENER_FILTERS,
        filter_chains=[chain],
        per_connection_buffer_limit_bytes=CONNECTION_BUFFER,
    )
