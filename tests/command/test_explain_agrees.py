"""`isoline explain` agrees with Envoy: what it says is what a real Envoy does."""

import socket
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoline.explain import request
from isoline.explain.manifests import Derived
from isoline.explain.walk import explain
from runtime.link.row import Row
from tests.command.agreement import Asked, Held, start_file, used
from tests.stories.objects import Object, ingress, path, reference, rule, service, slice_
from tests.stories.world import Core, Kube
from tests.support.deadline import wait_until
from tests.support.port import free_port
from tests.support.program import Program
from tests.translator import histories
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
worlds = st.tuples(
    st.builds(
        lambda mine, others: [*others, *SERVED, *mine],
        st.lists(ingresses, min_size=2, max_size=4),
        st.lists(histories.objects, max_size=4),
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


def held(objects: list[Object], port: int) -> dict[str, bytes]:
    """What Envoy holds of these objects, its listener at that port."""
    core = Core(Settings(listen="127.0.0.1", http_port=port, https_port=port))
    Kube(core).apply(*objects)
    return dict(core.resources())


def said(resources: dict[str, bytes], one: Asked) -> str:
    """The cluster that `explain` names, else the status."""
    found = explain(request.parse(one.url, one.method), Held(resources))
    assert found.doubts == []
    return str(found.cluster if found.forwarded else found.status)


@pytest.mark.envoy
def test_the_cluster_or_status_is_that_of_a_real_envoy(tmp_path: Path) -> None:
    """For random worlds and random requests, 500 of them."""
    found = {free_port(): world for world in drawn(WORLDS)}
    resources = {port: held(objects, port) for port, (objects, _) in found.items()}
    backend = free_port()
    (tmp_path / "start.pb").write_bytes(start_file(resources, backend))
    command = [
        BINARY,
        "-c",
        tmp_path / "start.pb",
        "--use-dynamic-base-id",
        "-l",
        "error",
        "--concurrency",
        "1",
    ]

    with Program(command) as envoy:
        for port in (*found, backend):
            wait_until(lambda port=port: _listens(port), "Envoy listens", of=[envoy])
        differ = [
            (one, said(resources[port], one), real)
            for port, (_, requests) in found.items()
            for one in requests
            if said(resources[port], one) != (real := used(port, one))
        ]

    assert differ == []


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
