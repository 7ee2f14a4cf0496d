"""Envoy's start file: where its configuration comes from, its admin interface, and what may be read of it.

Source: envoy.config.bootstrap.v3.Bootstrap. An Envoy names itself in its first message only, and both ends
of its stream send pings.
"""

import secrets
import socket
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from envoy_data_plane.envoy.config.bootstrap import v3 as bootstrap
from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
from envoy_data_plane.envoy.config.listener import v3 as listener
from envoy_data_plane.envoy.config.overload import v3 as overload
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.filters.http.router import v3 as router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.extensions.resource_monitors.downstream_connections import v3 as connections
from envoy_data_plane.envoy.extensions.transport_sockets.tls import v3 as tls
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as upstream
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Struct, Value

from runtime.ip import is_ip
from runtime.link.address import Address
from runtime.wire import any_of, to_json
from translator.regex import MAX_PROGRAM_SIZE

FLEET = "isoline"
XDS, ADMIN, STATS = "xds", "admin", "stats-health"
STATS_PATHS = ("/ready", "/stats/prometheus")

CONNECT = timedelta(seconds=1)
# Envoy's own are 500 ms and 30 s: after a restart of the server that would be the time without news.
RETRY_BASE, RETRY_MAX = timedelta(milliseconds=100), timedelta(seconds=2)
PING_EVERY, PING_ANSWER = timedelta(seconds=30), timedelta(seconds=5)
# An Envoy that has no configuration yet is not ready, however long that takes.
WAIT_FOR_EVER = timedelta(0)
# Envoy's edge guide; without a limit Envoy warns at each start.
MAX_CONNECTIONS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What differs from one Envoy to another.

    `xds` is `unix:PATH` or `host:port`; `xds_tls` holds tls.crt, tls.key and ca.crt, as Envoy finds them;
    `admin` is the path of its socket, in a folder that is Envoy's alone.
    """

    xds: str
    node_id: str
    admin: str
    xds_tls: str | None = None
    listen: str = "0.0.0.0"  # noqa: S104 - a scrape comes from another machine
    stats_port: int = 8002


def start_file(start: Start) -> dict[str, Any]:
    """The start file, as JSON under Envoy's own names.

    Raises StartError for an address that is none.
    """
    return to_json(
        bootstrap.Bootstrap(
            node=core.Node(id=start.node_id, cluster=FLEET),
            admin=bootstrap.Admin(address=_pipe(start.admin, mode=0o600)),
            dynamic_resources=_dynamic_resources(),
            static_resources=bootstrap.BootstrapStaticResources(
                listeners=[_stats_listener(start)], clusters=[_xds_cluster(start), _admin_cluster(start)]
            ),
            # Statistics of a cluster that nobody has used yet cost nothing: a tenth of the memory at 10,000.
            deferred_stat_options=bootstrap.BootstrapDeferredStatOptions(enable_deferred_creation_stats=True),
            overload_manager=_overload_manager(),
            layered_runtime=_layered_runtime(),
        )
    )


def new_node_id() -> str:
    """A name unlike any other Envoy's, that says where it runs."""
    return f"{socket.gethostname()}-{secrets.token_hex(4)}"


def _dynamic_resources() -> bootstrap.BootstrapDynamicResources:
    ads = core.ConfigSource(
        ads=core.AggregatedConfigSource(),
        resource_api_version=core.ApiVersion.V3,
        initial_fetch_timeout=WAIT_FOR_EVER,
    )
    retry = core.RetryPolicy(
        retry_back_off=core.BackoffStrategy(base_interval=RETRY_BASE, max_interval=RETRY_MAX)
    )
    grpc = core.GrpcService(envoy_grpc=core.GrpcServiceEnvoyGrpc(cluster_name=XDS, retry_policy=retry))
    return bootstrap.BootstrapDynamicResources(
        ads_config=core.ApiConfigSource(
            api_type=core.ApiConfigSourceApiType.DELTA_GRPC,
            transport_api_version=core.ApiVersion.V3,
            grpc_services=[grpc],
            set_node_on_first_message_only=True,
        ),
        cds_config=ads,
        lds_config=ads,
    )


def _xds_cluster(start: Start) -> cluster.Cluster:
    """HTTP/2 with pings, so that a server that is gone without a word is noticed."""
    ping = core.KeepaliveSettings(interval=PING_EVERY, timeout=PING_ANSWER)
    http2 = core.Http2ProtocolOptions(connection_keepalive=ping)
    options = upstream.HttpProtocolOptions(
        explicit_http_config=upstream.HttpProtocolOptionsExplicitHttpConfig(http2_protocol_options=http2)
    )
    if start.xds.startswith("unix:"):
        found, named = _pipe(start.xds.removeprefix("unix:")), False
        secured = None
    else:
        server = Address.parse(f"tcp://{start.xds}")
        found, named = _socket(server.host, server.port), not is_ip(server.host)
        secured = _mtls(start.xds_tls, server.host) if start.xds_tls is not None else None
    kind = cluster.ClusterDiscoveryType.STRICT_DNS if named else cluster.ClusterDiscoveryType.STATIC
    return cluster.Cluster(
        name=XDS,
        type=kind,
        connect_timeout=CONNECT,
        load_assignment=_assignment(XDS, found),
        transport_socket=secured,
        typed_extension_protocol_options={
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": any_of(options)
        },
    )


def _mtls(folder: str, host: str) -> core.TransportSocket:
    """TLS 1.3, our certificate shown, the server's checked for its CA and for the name that was asked for."""
    path = Path(folder)
    kind = (
        tls.SubjectAltNameMatcherSanType.IP_ADDRESS if is_ip(host) else tls.SubjectAltNameMatcherSanType.DNS
    )
    name = tls.SubjectAltNameMatcher(san_type=kind, matcher=matcher.StringMatcher(exact=host))
    version = tls.TlsParametersTlsProtocol.TLSv1_3
    context = tls.UpstreamTlsContext(
        sni="" if is_ip(host) else host,
        common_tls_context=tls.CommonTlsContext(
            alpn_protocols=["h2"],
            tls_params=tls.TlsParameters(
                tls_minimum_protocol_version=version, tls_maximum_protocol_version=version
            ),
            tls_certificates=[
                tls.TlsCertificate(
                    certificate_chain=core.DataSource(filename=str(path / "tls.crt")),
                    private_key=core.DataSource(filename=str(path / "tls.key")),
                )
            ],
            validation_context=tls.CertificateValidationContext(
                trusted_ca=core.DataSource(filename=str(path / "ca.crt")),
                match_typed_subject_alt_names=[name],
            ),
        ),
    )
    return core.TransportSocket(name="envoy.transport_sockets.tls", typed_config=any_of(context))


def _admin_cluster(start: Start) -> cluster.Cluster:
    return cluster.Cluster(
        name=ADMIN,
        type=cluster.ClusterDiscoveryType.STATIC,
        connect_timeout=CONNECT,
        load_assignment=_assignment(ADMIN, _pipe(start.admin)),
    )


def _stats_listener(start: Start) -> listener.Listener:
    """Exactly `GET` of STATS_PATHS, without a query (a filter there is a regular expression); else 404."""
    manager = hcm.HttpConnectionManager(
        stat_prefix=STATS,
        route_config=route.RouteConfiguration(
            name=STATS,
            virtual_hosts=[
                route.VirtualHost(
                    name=STATS, domains=["*"], routes=[_stats_route(path) for path in STATS_PATHS]
                )
            ],
        ),
        http_filters=[hcm.HttpFilter(name="envoy.filters.http.router", typed_config=any_of(router.Router()))],
        use_remote_address=True,
        normalize_path=False,
    )
    serve = listener.Filter(
        name="envoy.filters.network.http_connection_manager", typed_config=any_of(manager)
    )
    return listener.Listener(
        name=STATS,
        address=_socket(start.listen, start.stats_port, both=start.listen == "::"),
        filter_chains=[listener.FilterChain(filters=[serve])],
    )


def _stats_route(path: str) -> route.Route:
    demanded = {":method": "GET", ":path": path}
    headers = [
        route.HeaderMatcher(name=name, string_match=matcher.StringMatcher(exact=value))
        for name, value in demanded.items()
    ]
    return route.Route(
        name=path,
        match=route.RouteMatch(path=path, headers=headers),
        route=route.RouteAction(cluster=ADMIN),
    )


def _overload_manager() -> overload.OverloadManager:
    limit = connections.DownstreamConnectionsConfig(max_active_downstream_connections=MAX_CONNECTIONS)
    name = "envoy.resource_monitors.global_downstream_max_connections"
    return overload.OverloadManager(
        resource_monitors=[overload.ResourceMonitor(name=name, typed_config=any_of(limit))]
    )


def _layered_runtime() -> bootstrap.LayeredRuntime:
    """A path's regular expression may be as large as the translator takes; Envoy's own bound is 100."""
    limit = Value(number_value=MAX_PROGRAM_SIZE)
    values = Struct(fields={f"re2.max_program_size.{level}_level": limit for level in ("warn", "error")})
    layer = bootstrap.RuntimeLayer(name="isoline", static_layer=values)
    return bootstrap.LayeredRuntime(layers=[layer])


def _assignment(name: str, address: core.Address) -> endpoint.ClusterLoadAssignment:
    found = endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=address))
    return endpoint.ClusterLoadAssignment(
        cluster_name=name, endpoints=[endpoint.LocalityLbEndpoints(lb_endpoints=[found])]
    )


def _pipe(path: str, mode: int = 0) -> core.Address:
    return core.Address(pipe=core.Pipe(path=path, mode=mode))


def _socket(host: str, port: int, *, both: bool = False) -> core.Address:
    """`both`: `::` takes IPv4 as well."""
    return core.Address(socket_address=core.SocketAddress(address=host, port_value=port, ipv4_compat=both))
