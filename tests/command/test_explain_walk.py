"""How a request goes through resources, also such as an Ingress alone does not make."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.rbac.v3 import rbac_pb2
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.rbac.v3 import rbac_pb2 as http_rbac_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.matching.common_inputs.network.v3 import network_inputs_pb2
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from google.protobuf import json_format, wrappers_pb2

from isoline.explain import request
from isoline.explain.explanation import Explanation
from isoline.explain.walk import explain

# What stands in an Any is known to google's protobuf once its module has been read.
ANY = (http_connection_manager_pb2, http_rbac_pb2, network_inputs_pb2, rbac_pb2, tls_pb2, wrappers_pb2)
TYPE = "type.googleapis.com/envoy.extensions"
CLASSES: dict[str, type[Any]] = {
    "listeners": Listener,
    "routes": RouteConfiguration,
    "hosts": VirtualHost,
    "clusters": Cluster,
    "secrets": Secret,
}
Json = dict[str, Any]


class Held:
    """Resources by type and name, written as Envoy's JSON; Secrets only where they are carried."""

    def __init__(self, *, carries_secrets: bool = True, **held: Json) -> None:
        self._held = held
        self.carries_secrets = carries_secrets

    def get(self, type_: str, names: Sequence[str]) -> Mapping[str, bytes]:
        found = self._held.get(type_, {})
        return {
            name: json_format.ParseDict(found[name], CLASSES[type_]()).SerializeToString()
            for name in names
            if name in found
        }


def manager(*filters: Json, **options: object) -> Json:
    """A network filter that serves the route configuration `r`."""
    config = {"@type": f"{TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager"}
    routes = {"rds": {"route_config_name": "r"}, "http_filters": list(filters)}
    return {"name": "http", "typed_config": {**config, **routes, **options}}


def clear(*filters: Json, **options: object) -> Json:
    """The listener for HTTP."""
    return {
        "name": "ingress_http",
        "filter_chains": [{"name": "c", "filters": [manager(*filters, **options)]}],
    }


def chain(name: str, *filters: Json, **options: object) -> Json:
    """A filter chain of TLS, with a Secret of its name."""
    common = {"tls_certificate_sds_secret_configs": [{"name": f"shop/{name}"}]}
    tls = {"@type": f"{TYPE}.transport_sockets.tls.v3.DownstreamTlsContext", "common_tls_context": common}
    socket = {"name": "tls", "typed_config": tls}
    return {"name": name, "filters": [manager(*filters, **options)], "transport_socket": socket}


def on_match(name: str) -> Json:
    """Chooses a filter chain."""
    value = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": name}
    return {"action": {"name": name, "typed_config": value}}


SNI = {
    "name": "sni",
    "typed_config": {"@type": f"{TYPE}.matching.common_inputs.network.v3.ServerNameInput"},
}


def by_sni(exact: Mapping[str, str], wildcards: Mapping[str, str]) -> Json:
    """A filter_chain_matcher: exact names, then regular expressions."""
    tree: Json = {
        "matcher_tree": {"input": SNI, "exact_match_map": {"map": {k: on_match(v) for k, v in exact.items()}}}
    }
    listed = [
        {
            "predicate": {
                "single_predicate": {
                    "input": SNI,
                    "value_match": {"safe_regex": {"google_re2": {}, "regex": pattern}},
                }
            },
            "on_match": on_match(name),
        }
        for pattern, name in wildcards.items()
    ]
    if listed:
        tree["on_no_match"] = {"matcher": {"matcher_list": {"matchers": listed}}}
    return tree


def host(*routes: Json, **fields: object) -> Json:
    """A virtual host for x.com."""
    return {"name": "r/x.com", "domains": ["x.com"], "routes": list(routes), **fields}


def asked(url: str, *headers: str, **held: Any) -> Explanation:  # noqa: ANN401 - and `carries_secrets`
    """What becomes of a request; there are the route configuration `r` and a cluster with one endpoint."""
    address = {"socket_address": {"address": "10.0.0.1", "port_value": 80}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    cluster = {"name": "web", "load_assignment": {"cluster_name": "web", "endpoints": endpoints}}
    defaults: Json = {
        "listeners": {"ingress_http": clear()},
        "routes": {"r": {"name": "r"}},
        "hosts": {"r/x.com": host({"match": {"prefix": "/"}, "route": {"cluster": "web"}})},
        "clusters": {"web": cluster},
        "secrets": {
            name: {"name": name} for name in ("shop/one", "shop/two", "shop/exact", "shop/wild", "shop/rest")
        },
    }
    return explain(request.parse(url, headers=headers), Held(**{**defaults, **held}))


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("x.com", "one"),
        ("X.com", "one"),
        ("a.y.com", "two"),
        ("a.b.y.com", None),
        ("y.com", None),
        ("z.com", None),
    ],
)
def test_the_filter_chain_is_chosen_by_sni(name: str, answer: str | None) -> None:
    """By an exact map, then by regular expressions; whom nothing names gets no handshake."""
    tree = by_sni({"x.com": "one"}, {r"[^.]+\.y\.com": "two"})
    listener = {"filter_chains": [chain("one"), chain("two")], "filter_chain_matcher": tree}

    found = asked(f"https://{name}/", listeners={"ingress_https": listener})

    assert found.chain == answer
    assert found.certificates == (() if answer is None else (f"shop/{answer}",))
    assert found.doubts == []
    assert found.answer.startswith("connection closed") == (answer is None)


@pytest.mark.parametrize(("name", "answer"), [("x.com", "exact"), ("a.x.com", "wild"), ("y.com", "rest")])
def test_the_filter_chain_is_chosen_by_its_own_match_where_there_is_no_matcher(
    name: str, answer: str
) -> None:
    """An exact server name before a wildcard; the default chain takes the rest."""
    exact, wild = chain("exact"), chain("wild")
    exact["filter_chain_match"] = {"server_names": ["x.com"]}
    wild["filter_chain_match"] = {"server_names": ["*.x.com"], "transport_protocol": "tls"}
    listener = {"filter_chains": [wild, exact], "default_filter_chain": chain("rest")}

    assert asked(f"https://{name}/", listeners={"ingress_https": listener}).chain == answer


def call(function: str, *args: Json, target: Json | None = None) -> Json:
    """A call of a parsed CEL expression."""
    return {"call_expr": {"function": function, "args": list(args), **({"target": target} if target else {})}}


def attribute(of: str, name: str) -> Json:
    """`request.host`."""
    return {"select_expr": {"operand": {"ident_expr": {"name": of}}, "field": name}}


def misdirected(action: str, condition: Json) -> Json:
    """The listener for HTTPS, with an RBAC filter whose 403 a local reply turns into 421."""
    policy = {"permissions": [{"any": True}], "principals": [{"any": True}], "condition": condition}
    rules = {"action": action, "policies": {"host": policy}}
    deny = {"name": "rbac", "typed_config": {"@type": f"{TYPE}.filters.http.rbac.v3.RBAC", "rules": rules}}
    reply = {"mappers": [{"filter": {"response_flag_filter": {}}, "status_code": 421}]}
    tls = chain("one", deny, local_reply_config=reply)
    return {"filter_chains": [tls], "filter_chain_matcher": by_sni({"x.com": "one"}, {})}


LOWER = call("lowerAscii", target=attribute("request", "host"))
NAME = attribute("connection", "requested_server_name")
SPLIT = call("split", {"const_expr": {"string_value": ":"}}, target=LOWER)
FIRST = call("_[_]", SPLIT, {"const_expr": {"int64_value": 0}})
VIRTUAL_HOST = attribute("xds", "virtual_host_name")
KNOWN = call("_!=_", VIRTUAL_HOST, {"const_expr": {"string_value": "r/*"}})


@pytest.mark.parametrize(
    ("action", "condition", "answers"),
    [
        ("DENY", call("_!=_", LOWER, NAME), {"x.com": None, "X.COM": None, "y.com": 421, "x.com:1": 421}),
        ("ALLOW", call("_==_", FIRST, NAME), {"x.com": None, "X.com:8443": None, "y.com": 421}),
        ("DENY", KNOWN, {"x.com": 421, "y.com": 404}),
        ("LOG", KNOWN, {"x.com": None}),
    ],
)
def test_a_host_that_is_not_that_of_its_connection_is_refused(
    action: str, condition: Json, answers: dict[str, int | None]
) -> None:
    """By a filter with a condition. An attribute that there isn't, as the virtual host of an unknown host,
    makes it false.
    """
    held = {"listeners": {"ingress_https": misdirected(action, condition)}}
    held["routes"] = {"r": {"name": "r", "ignore_port_in_host_matching": True}}

    found = {name: asked("https://x.com/", f"Host: {name}", **held) for name in answers}

    assert {name: each.status for name, each in found.items()} == answers
    assert [each.doubts for each in found.values()] == [[]] * len(answers)


def test_a_condition_that_is_not_known_refuses_nothing_and_is_a_doubt() -> None:
    """Better than an answer that nobody can check."""
    listener = misdirected("ALLOW", call("matches", LOWER))

    found = asked("https://x.com/", listeners={"ingress_https": listener})

    assert found.forwarded
    assert found.doubts == ["an RBAC policy asks for matches, which is not known here"]


@pytest.mark.parametrize(
    ("redirect", "answer"),
    [
        ({"https_redirect": True}, "301 to https://x.com/a?b"),
        ({"https_redirect": True, "port_redirect": 8443}, "301 to https://x.com:8443/a?b"),
        ({"host_redirect": "y.com", "response_code": "FOUND"}, "302 to http://y.com/a?b"),
        ({"path_redirect": "/c", "strip_query": True}, "301 to http://x.com/c"),
        ({"prefix_rewrite": "/new/", "response_code": "PERMANENT_REDIRECT"}, "308 to http://x.com/new/a?b"),
    ],
)
def test_a_redirect_says_where_to(redirect: Json, answer: str) -> None:
    """It is routed: exit code 0."""
    hosts = {"r/x.com": host({"match": {"prefix": "/"}, "redirect": redirect})}

    found = asked("http://x.com/a?b", hosts=hosts)

    assert (found.answer, found.routed) == (f"{answer}: the route redirects", True)


@pytest.mark.parametrize(
    ("match", "action", "path"),
    [
        ({"prefix": "/a/"}, {"prefix_rewrite": "/"}, "/b?c"),
        ({"path_separated_prefix": "/a"}, {"prefix_rewrite": "/app"}, "/app/b?c"),
        ({"path": "/a/b"}, {"prefix_rewrite": "/x"}, "/x?c"),
        (
            {"prefix": "/"},
            {"regex_rewrite": {"pattern": {"regex": "^/a(/.*)"}, "substitution": r"\1"}},
            "/b?c",
        ),
    ],
)
def test_a_rewritten_path_is_that_of_the_backend(match: Json, action: Json, path: str) -> None:
    """The query stays."""
    found = asked(
        "http://x.com/a/b?c", hosts={"r/x.com": host({"match": match, "route": {"cluster": "web", **action}})}
    )

    assert (found.upstream_path, found.forwarded) == (path, True)


def test_a_handshake_fails_for_want_of_a_secret() -> None:
    """One that was never good is not served, though its host stays."""
    listeners = {"ingress_https": {"filter_chains": [chain("one")]}}

    found = asked("https://x.com/", listeners=listeners, secrets={})

    assert found.answer == "connection closed: Secret shop/one is not served"
    assert not found.routed


def test_a_secret_that_is_withheld_is_a_doubt() -> None:
    """Over xDS in clear nobody can tell."""
    listeners = {"ingress_https": {"filter_chains": [chain("one")]}}

    found = asked("https://x.com/", listeners=listeners, secrets={}, carries_secrets=False)

    assert found.forwarded
    assert found.doubts == ["whether Secret shop/one is served is not told over a connection in clear"]


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        ({"headers": [{"name": "A", "string_match": {"exact": "1"}}]}, True),
        ({"headers": [{"name": "a", "string_match": {"prefix": "2"}}]}, False),
        ({"headers": [{"name": "a", "string_match": {"exact": "2"}, "invert_match": True}]}, True),
        ({"headers": [{"name": "b", "string_match": {"exact": "2"}, "invert_match": True}]}, False),
        ({"headers": [{"name": "b", "present_match": True, "invert_match": True}]}, True),
        ({"headers": [{"name": ":method", "string_match": {"exact": "GET"}}]}, True),
        ({"headers": [{"name": ":authority", "string_match": {"safe_regex": {"regex": "x.com"}}}]}, True),
        ({"query_parameters": [{"name": "q", "string_match": {"exact": "1"}}]}, True),
        ({"query_parameters": [{"name": "p", "present_match": True}]}, False),
    ],
)
def test_a_route_may_ask_for_headers_and_parameters(match: Json, matches: bool) -> None:  # noqa: FBT001
    """As the Gateway API will."""
    hosts = {"r/x.com": host({"match": {"prefix": "/", **match}, "route": {"cluster": "web"}})}

    assert asked("http://x.com/?q=1", "A: 1", hosts=hosts).forwarded == matches


def test_a_cluster_that_is_not_there_is_a_503() -> None:
    """Envoy's answer while a route is ahead of its cluster."""
    found = asked("http://x.com/", clusters={})

    assert found.answer == "503: there is no cluster web"


def test_a_host_that_asks_for_tls_redirects() -> None:
    """`require_tls: ALL`."""
    found = asked("http://x.com/a", hosts={"r/x.com": host(require_tls="ALL")})

    assert found.answer == "301 to https://x.com/a: the virtual host asks for TLS"


def test_what_is_not_known_is_a_doubt_and_no_guess_in_silence() -> None:
    """A matcher on the runtime, which a table of resources does not tell."""
    fraction = {"runtime_fraction": {"default_value": {"numerator": 50}}}
    hosts = {"r/x.com": host({"match": {"prefix": "/", **fraction}, "route": {"cluster": "web"}})}

    assert asked("http://x.com/", hosts=hosts).doubts == ["RouteMatch has field 9, which is not known here"]


@pytest.mark.parametrize(("drops", "status"), [("DROP_HEADER", None), ("REJECT_REQUEST", 400)])
def test_a_header_with_an_underscore_is_dropped_or_refused(drops: str, status: int | None) -> None:
    """Before any route looks at it."""
    options = {"common_http_protocol_options": {"headers_with_underscores_action": drops}}
    only = {"prefix": "/", "headers": [{"name": "a_b", "present_match": False}]}
    hosts = {"r/x.com": host({"match": only, "route": {"cluster": "web"}})}

    found = asked("http://x.com/", "a_b: 1", hosts=hosts, listeners={"ingress_http": clear(**options)})

    assert (found.status, found.forwarded) == (status, status is None)
