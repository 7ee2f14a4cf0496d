"""The HTTP connection manager, as Envoy's edge guide asks (docs: configuration/best_practices/edge)."""

from datetime import timedelta
from typing import Literal

import betterproto2
from envoy_data_plane.envoy.config.accesslog import v3 as accesslog
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.listener import v3 as listener
from envoy_data_plane.envoy.extensions.access_loggers.stream import v3 as stream
from envoy_data_plane.envoy.extensions.compression.brotli.compressor import v3 as brotli
from envoy_data_plane.envoy.extensions.compression.gzip.compressor import v3 as gzip
from envoy_data_plane.envoy.extensions.compression.zstd.compressor import v3 as zstd
from envoy_data_plane.envoy.extensions.filters.http.compressor import v3 as compressor
from envoy_data_plane.envoy.extensions.filters.http.grpc_web import v3 as grpc_web
from envoy_data_plane.envoy.extensions.filters.http.router import v3 as router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.google.protobuf import Struct, Value

from runtime.wire import any_of, unchecked
from translator.envoy import misdirected, v3

IDLE = timedelta(hours=1)
STREAM_IDLE = timedelta(minutes=5)
REQUEST = timedelta(minutes=5)
# A client that is slow with its headers holds a stream; Slowloris is a client that is slow on purpose.
REQUEST_HEADERS = timedelta(seconds=10)
MAX_STREAMS = 100
STREAM_WINDOW = 64 * 1024
CONNECTION_WINDOW = 1024 * 1024

# JSON, so that what a client sends can never look like another line (EG CVE-2025-25294).
ACCESS_LOG = {
    "time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "authority": "%REQ(:AUTHORITY)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration_ms": "%DURATION%",
    "upstream_ms": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "client": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "forwarded_for": "%REQ(X-FORWARDED-FOR)%",
    "user_agent": "%REQ(USER-AGENT)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "route": "%ROUTE_NAME%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "upstream": "%UPSTREAM_HOST%",
}

_HttpConnectionManager = unchecked(hcm.HttpConnectionManager)
_EscapedSlashes = hcm.HttpConnectionManagerPathWithEscapedSlashesAction
_HttpFilter = unchecked(hcm.HttpFilter)
_Rds = unchecked(hcm.Rds)


OverTls = Literal["named", "default"]


def filter_(
    route_configuration: str, *, xff_num_trusted_hops: int, over_tls: OverTls | None = None
) -> listener.Filter:
    """The network filter that serves a route configuration; `xff_num_trusted_hops` proxies before us are
    trusted. `over_tls`: with the certificate of the host that was named, or with the default one.
    """
    checks = [] if over_tls is None else [misdirected.filter_(default=over_tls == "default")]
    manager = _HttpConnectionManager(
        stat_prefix=route_configuration,
        rds=_Rds(config_source=v3.ADS, route_config_name=route_configuration),
        http_filters=[*checks, *_filters()],
        local_reply_config=misdirected.reply() if checks else None,
        access_log=[_access_log()],
        common_http_protocol_options=unchecked(core.HttpProtocolOptions)(
            idle_timeout=IDLE,
            headers_with_underscores_action=core.HttpProtocolOptionsHeadersWithUnderscoresAction.DROP_HEADER,
        ),
        # allow_chunked_length stays off: Content-Length together with chunked is how requests are smuggled.
        http_protocol_options=unchecked(core.Http1ProtocolOptions)(accept_http_10=True),
        http2_protocol_options=unchecked(core.Http2ProtocolOptions)(
            max_concurrent_streams=MAX_STREAMS,
            initial_stream_window_size=STREAM_WINDOW,
            initial_connection_window_size=CONNECTION_WINDOW,
        ),
        stream_idle_timeout=STREAM_IDLE,
        request_timeout=REQUEST,
        request_headers_timeout=REQUEST_HEADERS,
        use_remote_address=True,
        xff_num_trusted_hops=xff_num_trusted_hops,
        preserve_external_request_id=True,
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action=_EscapedSlashes.UNESCAPE_AND_REDIRECT,
        strip_matching_host_port=True,
        strip_trailing_host_dot=True,
    )
    return v3.Filter(name="envoy.filters.network.http_connection_manager", typed_config=any_of(manager))


def _filters() -> list[hcm.HttpFilter]:
    """The client's Accept-Encoding decides which compressor works; among equals the first here."""
    return [
        _compressor("zstd", zstd.Zstd),
        _compressor("brotli", brotli.Brotli),
        _compressor("gzip", gzip.Gzip),
        _http_filter("grpc_web", unchecked(grpc_web.GrpcWeb)()),
        _http_filter("router", unchecked(router.Router)()),
    ]


def _http_filter(name: str, config: betterproto2.Message) -> hcm.HttpFilter:
    return _HttpFilter(name=f"envoy.filters.http.{name}", typed_config=any_of(config))


def _compressor(name: str, library: type[betterproto2.Message]) -> hcm.HttpFilter:
    chosen = v3.TypedExtensionConfig(
        name=f"envoy.compression.{name}.compressor", typed_config=any_of(unchecked(library)())
    )
    config = unchecked(compressor.Compressor)(compressor_library=chosen)
    return _HttpFilter(name=f"envoy.filters.http.compressor.{name}", typed_config=any_of(config))


def _access_log() -> accesslog.AccessLog:
    fields = {key: unchecked(Value)(string_value=value) for key, value in ACCESS_LOG.items()}
    line = v3.SubstitutionFormatString(json_format=unchecked(Struct)(fields=fields))
    config = unchecked(stream.StdoutAccessLog)(log_format=line)
    return v3.AccessLog(name="envoy.access_loggers.stdout", typed_config=any_of(config))
