"""`isoline explain` agrees with Envoy: what it says is what a real Envoy does."""

import base64
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from isoline.explain import request
from isoline.explain.objects import Derived
from isoline.explain.walk import explain
from runtime.link.row import Row
from tests.command.agreement import REFUSED, Asked, Held, Used, start_file, used
from tests.command.test_diff import certificate, pem
from tests.stories.objects import Object, endpoint, ingress, path, reference, rule, service, slice_
from tests.stories.world import Core, Kube
from tests.support.deadline import wait_until
from tests.support.port import free_port
from tests.support.program import Program
from tests.translator.real_envoy import BINARY
from translator.settings import Settings

WORLDS, REQUESTS = 50, 10
HOSTS = [
    "x.com",
    "X.com",
    "x.com.",
    "y.x.com",
    "Z.x.com",
    "a.b.x.com",
    "other.org",
    "x.com:81",
    "y.x.com.:82",
    "10.0.0.1",
]
PLAIN = ["/", "/a", "/a/", "/ab", "/a/b", "/A", "/r", "/rest", "/r/x", "/a?q=/ab", "/ab?", "/a;b"]
ODD = [
    "//a",
    "/a//b",
    "//",
    "/a/../ab",
    "/a/./b",
    "/..",
    "/a/..",
    "/%2e%2E/a",
    "/%61",
    "/%41",
    "/a%2Fb",
    "/x%5Ca",
]
ODD += [
    "/x/..\\a",
    "/a%zz",
    "/%7Ea",
    "/a%20b",
    "/.a",
    "/a.",
    "/a/...",
    "/[a]",
    "/a|b",
    "/{a}",
    "/a%00",
    "/^a",
    "/%5e",
]
asked = st.builds(
    Asked,
    st.sampled_from(HOSTS),
    st.one_of(
        st.sampled_from(PLAIN), st.sampled_from(ODD), st.from_regex(r"/[abr./%25eEFf\\]{0,6}", fullmatch=True)
    ),
)
paths = st.builds(
    path,
    st.sampled_from(["/", "/a", "/a/", "/ab", "/A", "/a/b", "/r.*", "/[ab]+", "/a%20b", "/..."]),
    st.sampled_from(["a:80", "a:http", "b:80", "b:80", "empty:80", "missing:80"]),
    st.sampled_from(["Exact", "Prefix", "Prefix", "ImplementationSpecific"]),
)
rules = st.builds(
    lambda host, listed: rule(host, *listed),
    st.sampled_from(["", "x.com", "x.com", "*.x.com", "y.x.com", "*.b.x.com"]),
    st.lists(paths, min_size=1, max_size=4),
)
ingresses = st.builds(
    lambda name, listed, default: ingress(name, *listed, default=default),
    st.sampled_from(["a", "b", "c"]),
    st.lists(rules, min_size=1, max_size=3),
    st.sampled_from(["", "", "", "b:80"]),
)
SERVED = (
    service("a", (80, "http")),
    slice_("a", (8080, "http"), "10.0.0.1", "10.0.0.2"),
    service("b", 80),
    slice_("b", 8080, "10.0.0.3"),
    service("empty", 80),
)
DRAINING = {"ready": False, "serving": True, "terminating": True}
ODD_OBJECTS = [
    ingress("old", rule("x.com", path("/a", "b:80")), created="2026-01-01T00:00:00Z"),
    ingress("foreign", rule("x.com", path("/", "b:80"), path("/ab", "b:80")), ingressClassName="nginx"),
    ingress(
        "bad", rule("bad_host", path("/", "b:80")), rule("x.com", path("/([", "b:80"), path("x", "b:80"))
    ),
    ingress("empty", rule("y.x.com")),
    ingress("c", rule("y.x.com", path("/", "a:80")), annotations={"projectcontour.io/retry-on": "5xx"}),
    service("missing", type="ExternalName", externalName="example.com"),
    service("b", {"port": 80, "protocol": "UDP"}),
    slice_("empty", 8080, endpoint("10.0.0.9", ready=False)),
    slice_("empty", 8080, endpoint("10.0.0.9", **DRAINING)),
    slice_("b", 8080, "::1", "fe80::1", family="IPv6", name="six"),
]
worlds = st.tuples(
    st.builds(
        lambda mine, others: [*others, *SERVED, *mine],
        st.lists(ingresses, min_size=2, max_size=4),
        st.lists(st.sampled_from(ODD_OBJECTS), max_size=3),
    ),
    st.lists(asked, min_size=REQUESTS, max_size=REQUESTS),
)


def drawn(count: int) -> list[tuple[list[Object], list[Asked]]]:
    """So many random worlds, each with requests."""
    found = []

    @settings(max_examples=count, database=None)
    @given(worlds)
    def draw(world: tuple[list[Object], list[Asked]]) -> None:
        found.append(world)

    draw()
    return found


def held(objects: list[Object], port: int, https_port: int = 0) -> dict[str, bytes]:
    """What Envoy holds of these objects, its listener at that port."""
    core = Core(Settings(listen="127.0.0.1", http_port=port, https_port=https_port or free_port()))
    Kube(core).apply(*objects)
    return dict(core.resources())


def said(resources: dict[str, bytes], one: Asked) -> Used:
    """What `explain` says that an Envoy does."""
    headers = [f"{name}: {value}" for name, value in (("Host", one.host), *one.headers)]
    found = explain(request.parse(one.url, one.method, headers), Held(resources))
    assert found.doubts == []
    if not found.forwarded and found.status is None:
        return REFUSED
    if not found.forwarded:
        return Used(str(found.status), found.location, "")
    return Used(str(found.cluster), "", found.upstream_path or found.path or "")


@contextmanager
def real(worlds_: dict[int, dict[str, bytes]]) -> Iterator[None]:
    """A real Envoy that serves each of these at its port."""
    with tempfile.TemporaryDirectory(prefix="agree-") as folder:
        start = Path(folder, "start.pb")
        start.write_bytes(start_file(worlds_, f"{folder}/backend"))
        command = [BINARY, "-c", start, "--use-dynamic-base-id", "-l", "error", "--concurrency", "1"]
        with Program(command) as envoy:
            for port in worlds_:
                wait_until(partial(_listens, port), "Envoy listens", of=[envoy])
            yield


@pytest.mark.envoy
def test_the_cluster_or_status_is_that_of_a_real_envoy() -> None:
    """For random worlds and random requests, 500 of them."""
    found = {free_port(): world for world in drawn(WORLDS)}
    resources = {port: held(objects, port) for port, (objects, _) in found.items()}

    with real(resources):
        pairs = [
            (one, said(resources[port], one), used(port, one))
            for port, (_, requests) in found.items()
            for one in requests
        ]

    assert [pair for pair in pairs if pair[1] != pair[2]] == []
    assert sum("/" in did.what for _, _, did in pairs) > WORLDS  # cases that say something


Json = dict[str, Any]
FORWARD: Json = {"route": {"cluster": "web"}}
# Routes beyond those of an Ingress: each is asked for, at a host of its own, with a header `a: 1`.
MATCHES: list[Json] = [
    {"headers": [{"name": "A", "string_match": {"exact": "1"}}]},
    {"headers": [{"name": "a", "string_match": {"prefix": "2"}}]},
    {"headers": [{"name": "a", "string_match": {"suffix": "1"}, "invert_match": True}]},
    {"headers": [{"name": "a", "string_match": {"exact": "2"}, "invert_match": True}]},
    {"headers": [{"name": "b", "string_match": {"exact": "2"}, "invert_match": True}]},
    {"headers": [{"name": "b", "string_match": {"exact": ""}, "treat_missing_header_as_empty": True}]},
    {"headers": [{"name": "b", "present_match": True, "invert_match": True}]},
    {"headers": [{"name": "b", "present_match": False}]},
    {"headers": [{"name": "a", "present_match": False, "invert_match": True}]},
    {"headers": [{"name": "host", "string_match": {"contains": "row"}}]},
    {"headers": [{"name": ":path", "string_match": {"safe_regex": {"regex": "/a/b.c=1"}}}]},
    {"headers": [{"name": ":method", "string_match": {"exact": "get", "ignore_case": True}}]},
    {"query_parameters": [{"name": "c", "string_match": {"exact": "1"}}]},
    {"query_parameters": [{"name": "c", "present_match": True}]},
    {"query_parameters": [{"name": "d", "present_match": True}]},
    {"path": "/A/B", "case_sensitive": False},
    {"path_separated_prefix": "/A", "case_sensitive": False},
]
REDIRECTS: list[Json] = [
    {"https_redirect": True},
    {"https_redirect": True, "port_redirect": 8443},
    {"scheme_redirect": "https", "host_redirect": "y.com"},
    {"path_redirect": "/c", "response_code": "FOUND"},
    {"path_redirect": "/c", "strip_query": True, "response_code": "SEE_OTHER"},
    {"path_redirect": "/c?d", "response_code": "TEMPORARY_REDIRECT"},
    {"prefix_rewrite": "/new", "response_code": "PERMANENT_REDIRECT"},
    {"host_redirect": "y.com", "port_redirect": 81, "strip_query": True},
]
REWRITES: list[tuple[Json, Json]] = [
    ({"prefix": "/a/"}, {"prefix_rewrite": "/"}),
    ({"path_separated_prefix": "/a"}, {"prefix_rewrite": "/app"}),
    ({"path": "/a/b"}, {"prefix_rewrite": "/x"}),
    ({"safe_regex": {"regex": "/a/.*"}}, {"prefix_rewrite": "/x"}),
    (
        {"prefix": "/"},
        {"regex_rewrite": {"pattern": {"regex": "^/a(/.*)$"}, "substitution": r"\1"}},
    ),
    ({"prefix": "/"}, {"regex_rewrite": {"pattern": {"regex": "[ab]"}, "substitution": "z"}}),
]
ROUTES: list[Json] = [
    *(
        {"match": {"prefix": "/", **match} if "path" not in str(match)[:7] else match, **FORWARD}
        for match in MATCHES
    ),
    *({"match": {"path_separated_prefix": "/a"}, "redirect": redirect} for redirect in REDIRECTS),
    *({"match": match, "route": {"cluster": "web", **rewrite}} for match, rewrite in REWRITES),
]


@pytest.mark.envoy
def test_matches_redirects_and_rewrites_are_those_of_a_real_envoy() -> None:
    """Also such as no Ingress asks for yet; on the host's own port, and another."""
    port = free_port()
    resources = held([], port)
    for at, route in enumerate(ROUTES):
        name = f"ingress_http/row{at}.com"
        fields = {"name": name, "domains": [f"row{at}.com"], "routes": [route]}
        resources[f"hosts/{name}"] = json_format.ParseDict(fields, VirtualHost()).SerializeToString()
    address = {"socket_address": {"address": "10.0.0.1", "port_value": 80}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    assignment = json_format.ParseDict(
        {"cluster_name": "web", "endpoints": endpoints}, ClusterLoadAssignment()
    )
    cluster = Cluster(name="web", type=Cluster.EDS)
    cluster.eds_cluster_config.service_name = "web"
    resources["clusters/web"] = cluster.SerializeToString()
    resources["endpoints/web"] = assignment.SerializeToString()

    with real({port: resources}):
        hosts = [
            f"row{at}.com{after}" for at in range(len(ROUTES)) for after in ("", ":80", ":8080", f":{port}")
        ]
        requests = [Asked(host, "/a/b?c=1", headers=(("a", "1"),)) for host in hosts]
        pairs = [(one.host, said(resources, one), used(port, one)) for one in requests]

    assert [pair for pair in pairs if pair[1] != pair[2]] == []


def tls_secret(name: str) -> Object:
    """A certificate and its key, as the API has them."""
    key = ec.generate_private_key(ec.SECP256R1())
    pems = {"tls.crt": certificate(key).public_bytes(serialization.Encoding.PEM), "tls.key": pem(key)}
    data = {entry: base64.b64encode(value).decode() for entry, value in pems.items()}
    metadata = {"name": name, "namespace": "default"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "kubernetes.io/tls",
        "data": data,
    }


@pytest.mark.envoy
def test_handshakes_and_421_are_those_of_a_real_envoy() -> None:
    """Each server name with each Host, one Secret or two, wildcards, and hosts without TLS."""
    port, https_port = free_port(), free_port()
    first = [{"hosts": ["x.com", "*.x.com"], "secretName": "one"}, {"hosts": ["b.org"], "secretName": "no"}]
    hosts_ = [rule(host, path("/", "a:80")) for host in ("x.com", "*.x.com", "b.org")]
    objects = [
        *SERVED,
        ingress("one", *hosts_, tls=first),
        ingress("two", rule("y.x.com", path("/", "b:80")), tls=[{"hosts": ["y.x.com"], "secretName": "two"}]),
        ingress("clear", rule("c.org", path("/", "b:80"))),
        tls_secret("one"),
        tls_secret("two"),
    ]
    resources = held(objects, port, https_port)
    names = ["x.com", "z.x.com", "y.x.com", "a.z.x.com", "b.org", "c.org", "d.org", "com"]
    asked_ = [
        Asked(host, "/a", sni=sni) for sni in names for host in [*names, "X.com", f"x.com:{https_port}"]
    ]

    with real({port: resources}):
        pairs = [(one, said(resources, one), used(https_port, one)) for one in asked_]

    assert [pair for pair in pairs if pair[1] != pair[2]] == []


@pytest.mark.law
@given(worlds)
def test_a_resource_that_is_made_alone_is_the_one_that_is_published(
    world: tuple[list[Object], list[Asked]],
) -> None:
    """What `explain` asks for from files is what Envoy would hold; so too what objects are told."""
    core = Core(Settings())
    Kube(core).apply(*world[0])
    rows = {reference(item): Row.of(orjson.dumps(item)) for item in world[0]}

    alone = Derived(rows, Settings())

    for key, row in core.rows.items():
        type_, _, name = key.partition("/")
        assert alone.get(type_, [name]) == {name: row.body}
    assert {ref: alone.translator.told(ref) for ref in core.told} == core.told
    nobody = [f"ingress_http/{host}" for host in ("none.com", "*.com")]
    assert alone.get("hosts", nobody) == {}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
