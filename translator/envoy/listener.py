"""The two listeners; always there, so that an unknown host gets an honest 404, not a refused connection."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from envoy_data_plane.envoy.config.listener import v3 as pb
from envoy_data_plane.envoy.extensions.filters.listener.proxy_protocol import v3 as proxy_protocol
from envoy_data_plane.envoy.extensions.filters.listener.tls_inspector import v3 as tls_inspector

from runtime.wire import any_of, encode, field, unchecked
from translator import names
from translator.envoy import connection_manager, server_name, v3
from translator.settings import Settings

# Envoy's edge guide.
CONNECTION_BUFFER = 32 * 1024
LISTENER_FILTERS = timedelta(seconds=15)
# Field numbers of envoy/config/listener/v3/listener.proto.
_FILTER_CHAINS, _FILTER_CHAIN_MATCHER = 3, 32


def ingress_http(settings: Settings) -> bytes:
    """The listener for HTTP."""
    serve = connection_manager.filter_(names.INGRESS_HTTP, xff_num_trusted_hops=settings.xff_num_trusted_hops)
    chain = v3.FilterChain(name=names.INGRESS_HTTP, filters=[serve])
    return encode(_listener(settings, names.INGRESS_HTTP, settings.http_port, [], [chain]))


def ingress_https(
    settings: Settings, hosts: Mapping[str, str], chains: Iterable[bytes], default: str | None
) -> bytes:
    """The listener for HTTPS: its head, the filter chains as they are encoded, and a matcher that gives each
    host the name of its chain; `default` is that of all other handshakes, None refuses them.

    A matcher that names no chain chooses none, and Envoy then closes the connection; but it takes no listener
    without any chain, so while there is none to choose there is one that is never chosen.
    """
    inspect = v3.ListenerFilter(
        name="envoy.filters.listener.tls_inspector",
        typed_config=any_of(unchecked(tls_inspector.TlsInspector)()),
    )
    head = encode(_listener(settings, names.INGRESS_HTTPS, settings.https_port, [inspect], []))
    encoded = [field(_FILTER_CHAINS, chain) for chain in chains] or [field(_FILTER_CHAINS, _never(settings))]
    choice = field(_FILTER_CHAIN_MATCHER, server_name.matcher(hosts, default))
    return b"".join([head, *encoded, choice])


def _never(settings: Settings) -> bytes:
    serve = connection_manager.filter_(
        names.INGRESS_HTTPS, xff_num_trusted_hops=settings.xff_num_trusted_hops
    )
    return encode(v3.FilterChain(name="none", filters=[serve]))


def _listener(
    settings: Settings, name: str, port: int, filters: list[pb.ListenerFilter], chains: list[pb.FilterChain]
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
        filter_chains=chains,
        per_connection_buffer_limit_bytes=CONNECTION_BUFFER,
    )
