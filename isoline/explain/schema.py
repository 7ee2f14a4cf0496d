"""The fields of Envoy's messages that decide where a request goes; the numbers are those of its .proto files.

Reading these alone takes a millisecond. The library's own classes take more than a second to import, which
is too long for one question to a running system.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from runtime.wire import DecodeError
from runtime.wire.reader import fields

TEXT: Final = "text"
NUMBER: Final = "number"
FLAG: Final = "flag"
UNREAD: Final = "?"
"""Under this name a decoded message has the numbers of fields that it cannot be understood without."""

Decoded = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A message: by field number its name and kind.

    Of a `strict` message every further field counts as not understood, except those in `ignored`.
    """

    name: str
    fields: dict[int, tuple[str, "Kind"]]
    strict: bool = False
    ignored: frozenset[int] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class Many:
    """A repeated field."""

    kind: "str | Message"


@dataclass(frozen=True, slots=True)
class ByName:
    """A map from text."""

    kind: "str | Message"


Kind = str | Message | Many | ByName


def decode(message: Message, data: bytes) -> Decoded:
    """The known fields that are set, by name. Raises DecodeError."""
    found: dict[int, list[tuple[bytes, int]]] = {}
    unread: list[int] = []
    for number, _, value, n in fields(data):
        if number in message.fields:
            found.setdefault(number, []).append((value, n))
        elif message.strict and number not in message.ignored:
            unread.append(number)
    try:
        decoded = {
            message.fields[number][0]: _field(message.fields[number][1], occurrences)
            for number, occurrences in found.items()
        }
    except UnicodeDecodeError as error:
        raise DecodeError(f"{message.name}: {error}") from error
    return decoded | ({UNREAD: unread} if unread else {})


def _field(kind: Kind, occurrences: list[tuple[bytes, int]]) -> object:
    """Messages that come twice are merged, which is: joined."""
    match kind:
        case Many(item):
            return [_value(item, value, n) for value, n in occurrences]
        case ByName(item):
            return dict(_entry(item, value) for value, _ in occurrences)
        case Message():
            return decode(kind, b"".join(value for value, _ in occurrences))
        case _:
            return _value(kind, *occurrences[-1])


def _entry(kind: str | Message, data: bytes) -> tuple[str, object]:
    parts = {number: (value, n) for number, _, value, n in fields(data)}
    key, item = parts.get(1, (b"", 0)), parts.get(2, (b"", 0))
    return key[0].decode(), _value(kind, *item)


def _value(kind: str | Message, value: bytes, n: int) -> object:
    match kind:
        case "text":
            return value.decode()
        case "number":
            return n
        case "flag":
            return n != 0
        case "bytes":
            return value
    assert isinstance(kind, Message)  # noqa: S101 - there is no other kind
    return decode(kind, value)


def packed(types: Mapping[str, Message], any_: Decoded | None) -> tuple[str, Decoded] | None:
    """What a google.protobuf.Any holds: the name of its type, and the message when it is one of `types`."""
    if any_ is None:
        return None
    name = str(any_.get("type_url", "")).rpartition("/")[2]
    return name, decode(types[name], any_.get("value", b"")) if name in types else {}


ANY = Message("google.protobuf.Any", {1: ("type_url", TEXT), 2: ("value", "bytes")})
BOOL_VALUE = Message("google.protobuf.BoolValue", {1: ("value", FLAG)})
UINT32_VALUE = Message("google.protobuf.UInt32Value", {1: ("value", NUMBER)})
STRING_VALUE = Message("google.protobuf.StringValue", {1: ("value", TEXT)})
REGEX = Message("envoy.type.matcher.v3.RegexMatcher", {2: ("regex", TEXT)})
STRING_MATCHER = Message(
    "envoy.type.matcher.v3.StringMatcher",
    {
        1: ("exact", TEXT),
        2: ("prefix", TEXT),
        3: ("suffix", TEXT),
        5: ("safe_regex", REGEX),
        6: ("ignore_case", FLAG),
        7: ("contains", TEXT),
    },
    strict=True,
)
EXTENSION = Message(
    "envoy.config.core.v3.TypedExtensionConfig", {1: ("name", TEXT), 2: ("typed_config", ANY)}
)

SOCKET_ADDRESS = Message(
    "envoy.config.core.v3.SocketAddress", {2: ("address", TEXT), 3: ("port_value", NUMBER)}
)
ADDRESS = Message("envoy.config.core.v3.Address", {1: ("socket_address", SOCKET_ADDRESS)})

# Listeners

FILTER_CHAIN_MATCH = Message(
    "envoy.config.listener.v3.FilterChainMatch",
    {9: ("transport_protocol", TEXT), 11: ("server_names", Many(TEXT))},
    strict=True,
)
FILTER = Message("envoy.config.listener.v3.Filter", {1: ("name", TEXT), 4: ("typed_config", ANY)})
TRANSPORT_SOCKET = Message(
    "envoy.config.core.v3.TransportSocket", {1: ("name", TEXT), 3: ("typed_config", ANY)}
)
FILTER_CHAIN = Message(
    "envoy.config.listener.v3.FilterChain",
    {
        1: ("filter_chain_match", FILTER_CHAIN_MATCH),
        3: ("filters", Many(FILTER)),
        6: ("transport_socket", TRANSPORT_SOCKET),
        7: ("name", TEXT),
    },
)

MATCHER = Message("xds.type.matcher.v3.Matcher", {})
_ON_MATCH = Message(
    "xds.type.matcher.v3.Matcher.OnMatch", {1: ("matcher", MATCHER), 2: ("action", EXTENSION)}, strict=True
)
_PREDICATE = Message("xds.type.matcher.v3.Matcher.MatcherList.Predicate", {})
_PREDICATES = Message(
    "xds.type.matcher.v3.Matcher.MatcherList.Predicate.PredicateList", {1: ("predicate", Many(_PREDICATE))}
)
_SINGLE = Message(
    "xds.type.matcher.v3.Matcher.MatcherList.Predicate.SinglePredicate",
    {1: ("input", EXTENSION), 2: ("value_match", STRING_MATCHER)},
    strict=True,
)
_PREDICATE.fields.update(
    {
        1: ("single_predicate", _SINGLE),
        2: ("or_matcher", _PREDICATES),
        3: ("and_matcher", _PREDICATES),
        4: ("not_matcher", _PREDICATE),
    }
)
_FIELD_MATCHER = Message(
    "xds.type.matcher.v3.Matcher.MatcherList.FieldMatcher",
    {1: ("predicate", _PREDICATE), 2: ("on_match", _ON_MATCH)},
)
_MATCHER_LIST = Message("xds.type.matcher.v3.Matcher.MatcherList", {1: ("matchers", Many(_FIELD_MATCHER))})
_MATCH_MAP = Message("xds.type.matcher.v3.Matcher.MatcherTree.MatchMap", {1: ("map", ByName(_ON_MATCH))})
_MATCHER_TREE = Message(
    "xds.type.matcher.v3.Matcher.MatcherTree",
    {1: ("input", EXTENSION), 2: ("exact_match_map", _MATCH_MAP), 3: ("prefix_match_map", _MATCH_MAP)},
    strict=True,
)
MATCHER.fields.update(
    {1: ("matcher_list", _MATCHER_LIST), 2: ("matcher_tree", _MATCHER_TREE), 3: ("on_no_match", _ON_MATCH)}
)
SERVER_NAME_INPUT = "envoy.extensions.matching.common_inputs.network.v3.ServerNameInput"

LISTENER = Message(
    "envoy.config.listener.v3.Listener",
    {
        1: ("name", TEXT),
        2: ("address", ADDRESS),
        3: ("filter_chains", Many(FILTER_CHAIN)),
        25: ("default_filter_chain", FILTER_CHAIN),
        32: ("filter_chain_matcher", MATCHER),
    },
)
SDS_SECRET_CONFIG = Message("envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig", {1: ("name", TEXT)})
COMMON_TLS_CONTEXT = Message(
    "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext",
    {6: ("tls_certificate_sds_secret_configs", Many(SDS_SECRET_CONFIG))},
)
DOWNSTREAM_TLS_CONTEXT = Message(
    "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
    {1: ("common_tls_context", COMMON_TLS_CONTEXT)},
)

# Routes

HEADER_MATCHER = Message(
    "envoy.config.route.v3.HeaderMatcher",
    {
        1: ("name", TEXT),
        7: ("present_match", FLAG),
        8: ("invert_match", FLAG),
        13: ("string_match", STRING_MATCHER),
        14: ("treat_missing_header_as_empty", FLAG),
    },
    strict=True,
)
QUERY_MATCHER = Message(
    "envoy.config.route.v3.QueryParameterMatcher",
    {1: ("name", TEXT), 5: ("string_match", STRING_MATCHER), 6: ("present_match", FLAG)},
    strict=True,
)
ROUTE_MATCH = Message(
    "envoy.config.route.v3.RouteMatch",
    {
        1: ("prefix", TEXT),
        2: ("path", TEXT),
        4: ("case_sensitive", BOOL_VALUE),
        6: ("headers", Many(HEADER_MATCHER)),
        7: ("query_parameters", Many(QUERY_MATCHER)),
        10: ("safe_regex", REGEX),
        14: ("path_separated_prefix", TEXT),
    },
    strict=True,
)
REGEX_REWRITE = Message(
    "envoy.type.matcher.v3.RegexMatchAndSubstitute", {1: ("pattern", REGEX), 2: ("substitution", TEXT)}
)
ROUTE_ACTION = Message(
    "envoy.config.route.v3.RouteAction",
    {
        1: ("cluster", TEXT),
        5: ("prefix_rewrite", TEXT),
        20: ("cluster_not_found_response_code", NUMBER),
        32: ("regex_rewrite", REGEX_REWRITE),
    },
)
REDIRECT_ACTION = Message(
    "envoy.config.route.v3.RedirectAction",
    {
        1: ("host_redirect", TEXT),
        2: ("path_redirect", TEXT),
        3: ("response_code", NUMBER),
        4: ("https_redirect", FLAG),
        5: ("prefix_rewrite", TEXT),
        6: ("strip_query", FLAG),
        7: ("scheme_redirect", TEXT),
        8: ("port_redirect", NUMBER),
    },
    strict=True,
)
DIRECT_RESPONSE = Message("envoy.config.route.v3.DirectResponseAction", {1: ("status", NUMBER)})
ROUTE = Message(
    "envoy.config.route.v3.Route",
    {
        1: ("match", ROUTE_MATCH),
        2: ("route", ROUTE_ACTION),
        3: ("redirect", REDIRECT_ACTION),
        7: ("direct_response", DIRECT_RESPONSE),
        14: ("name", TEXT),
    },
)
VIRTUAL_HOST = Message(
    "envoy.config.route.v3.VirtualHost",
    {1: ("name", TEXT), 2: ("domains", Many(TEXT)), 3: ("routes", Many(ROUTE)), 4: ("require_tls", NUMBER)},
)
ROUTE_CONFIGURATION = Message(
    "envoy.config.route.v3.RouteConfiguration",
    {
        1: ("name", TEXT),
        2: ("virtual_hosts", Many(VIRTUAL_HOST)),
        14: ("ignore_port_in_host_matching", FLAG),
    },
)

# The HTTP connection manager

EXPR = Message("google.api.expr.v1alpha1.Expr", {})
EXPR.fields.update(
    {
        3: (
            "const_expr",
            Message(
                "google.api.expr.v1alpha1.Constant",
                {2: ("bool_value", FLAG), 3: ("int64_value", NUMBER), 6: ("string_value", TEXT)},
            ),
        ),
        4: ("ident_expr", Message("google.api.expr.v1alpha1.Expr.Ident", {1: ("name", TEXT)})),
        5: (
            "select_expr",
            Message("google.api.expr.v1alpha1.Expr.Select", {1: ("operand", EXPR), 2: ("field", TEXT)}),
        ),
        6: (
            "call_expr",
            Message(
                "google.api.expr.v1alpha1.Expr.Call",
                {1: ("target", EXPR), 2: ("function", TEXT), 3: ("args", Many(EXPR))},
            ),
        ),
    }
)
_PERMISSION = Message("envoy.config.rbac.v3.Permission", {3: ("any", FLAG)}, strict=True)
_PRINCIPAL = Message("envoy.config.rbac.v3.Principal", {3: ("any", FLAG)}, strict=True)
POLICY = Message(
    "envoy.config.rbac.v3.Policy",
    {1: ("permissions", Many(_PERMISSION)), 2: ("principals", Many(_PRINCIPAL)), 3: ("condition", EXPR)},
    strict=True,
    ignored=frozenset({5}),  # cel_config: which functions there are
)
RBAC_RULES = Message("envoy.config.rbac.v3.RBAC", {1: ("action", NUMBER), 2: ("policies", ByName(POLICY))})
RBAC = Message("envoy.extensions.filters.http.rbac.v3.RBAC", {1: ("rules", RBAC_RULES)})
RESPONSE_MAPPER = Message(
    "envoy.extensions.filters.network.http_connection_manager.v3.ResponseMapper",
    {2: ("status_code", UINT32_VALUE)},
)
LOCAL_REPLY = Message(
    "envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig",
    {1: ("mappers", Many(RESPONSE_MAPPER))},
)
RDS = Message(
    "envoy.extensions.filters.network.http_connection_manager.v3.Rds", {2: ("route_config_name", TEXT)}
)
HTTP_FILTER = Message(
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
    {1: ("name", TEXT), 4: ("typed_config", ANY), 7: ("disabled", FLAG)},
)
HTTP_PROTOCOL_OPTIONS = Message(
    "envoy.config.core.v3.HttpProtocolOptions", {5: ("headers_with_underscores_action", NUMBER)}
)
HTTP_CONNECTION_MANAGER = Message(
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    {
        3: ("rds", RDS),
        4: ("route_config", ROUTE_CONFIGURATION),
        5: ("http_filters", Many(HTTP_FILTER)),
        30: ("normalize_path", BOOL_VALUE),
        33: ("merge_slashes", FLAG),
        35: ("common_http_protocol_options", HTTP_PROTOCOL_OPTIONS),
        38: ("local_reply_config", LOCAL_REPLY),
        39: ("strip_matching_host_port", FLAG),
        42: ("strip_any_host_port", FLAG),
        45: ("path_with_escaped_slashes_action", NUMBER),
        47: ("strip_trailing_host_dot", FLAG),
    },
)

# Clusters

EDS_CLUSTER_CONFIG = Message("envoy.config.cluster.v3.Cluster.EdsClusterConfig", {2: ("service_name", TEXT)})
_ENDPOINT = Message("envoy.config.endpoint.v3.Endpoint", {1: ("address", ADDRESS)})
_LB_ENDPOINT = Message("envoy.config.endpoint.v3.LbEndpoint", {1: ("endpoint", _ENDPOINT)})
_LOCALITY = Message("envoy.config.endpoint.v3.LocalityLbEndpoints", {2: ("lb_endpoints", Many(_LB_ENDPOINT))})
LOAD_ASSIGNMENT = Message(
    "envoy.config.endpoint.v3.ClusterLoadAssignment",
    {1: ("cluster_name", TEXT), 2: ("endpoints", Many(_LOCALITY))},
)
CLUSTER = Message(
    "envoy.config.cluster.v3.Cluster",
    {
        1: ("name", TEXT),
        2: ("type", NUMBER),
        3: ("eds_cluster_config", EDS_CLUSTER_CONFIG),
        33: ("load_assignment", LOAD_ASSIGNMENT),
    },
)
