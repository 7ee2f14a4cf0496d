"""`check`, `render`, `explain` and `diff` of a live cluster."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kube.client import Client
from tests.kube.cluster import Cluster
from tests.support.program import Program

pytestmark = pytest.mark.cluster

Isoline = Callable[..., Program]
HOST = "shop.example.com"
WEB = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules: [{host: shop.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {
    name: cart, port: {number: 80}}}}]}}]
"""
CART = """\
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart-1, labels: {kubernetes.io/service-name: cart}}
addressType: IPv4
endpoints: [{addresses: [10.1.2.3]}]
ports: [{name: http, port: 8080}]
"""


@pytest.fixture
def shop(isoline: Isoline, cluster: Cluster, kube: Client) -> Callable[..., Program]:
    """A tool on the namespace of the test, in which a host leads to Service `cart`."""
    kube.apply(WEB, CART)
    config = cluster.kubeconfig(namespace=kube.namespace)

    def run(tool: str, *words: str | Path) -> Program:
        return isoline(tool, *words, "--kubeconfig", config, "--watch-namespace", kube.namespace)

    return run


def test_problems_of_a_cluster_have_no_place(shop: Callable[..., Program], kube: Client) -> None:
    """Else the lines are those about files."""
    kube.apply(WEB.replace("name: cart", "name: crat"))

    program = shop("check")

    told = 'ServiceNotFound: path / names Service "crat", which does not exist; did you mean "cart"?'
    assert program.exit_code() == 1
    assert program.stdout == [f"Ingress {kube.namespace}/web: {told}"]
    assert program.stderr == ["3 objects in the cluster: 1 error, 0 warnings"]


def test_what_envoy_would_hold_is_shown_by_name(shop: Callable[..., Program], kube: Client) -> None:
    """The argument is a name: there are no paths."""
    program = shop("render", f"{kube.namespace}/cart/80", "-o", "json")

    assert program.exit_code() == 0
    assert [each["name"] for each in json.loads("\n".join(program.stdout))["clusters"]] == [
        f"{kube.namespace}/cart/80"
    ]
    assert shop("render", "gone").exit_code() == 1


def test_a_request_is_followed_through_a_cluster(shop: Callable[..., Program], kube: Client) -> None:
    """To the endpoints; the object has no place."""
    program = shop("explain", f"http://{HOST}/x")

    assert program.exit_code() == 0
    assert program.stdout[4:] == [
        f"  object    Ingress {kube.namespace}/web",
        f"  cluster   {kube.namespace}/cart/80",
        "  endpoints 10.1.2.3:8080",
        f"  answer    forwarded to {kube.namespace}/cart/80",
    ]


@pytest.mark.parametrize(
    ("manifest", "lines"),
    [
        (WEB + "---\n" + CART, []),
        (
            CART.replace("10.1.2.3", "10.9.9.9"),
            [
                "changed endpoints {0}/cart/http",
                "  endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address: 10.1.2.3 → 10.9.9.9",
            ],
        ),
        (WEB.replace("name: web", "name: late"), []),
        (WEB.replace("name: web", "name: more").replace(HOST, "b.com"), ["added   hosts ingress_http/b.com"]),
    ],
    ids=["the same", "changed", "younger, for the same path", "added"],
)
def test_a_diff_says_what_applying_manifests_would_do(
    shop: Callable[..., Program], kube: Client, tmp_path: Path, manifest: str, lines: list[str]
) -> None:
    """Objects without namespace are in that of the context, and what the manifests do not name stays."""
    (tmp_path / "new.yaml").write_text(manifest)

    program = shop("diff", "new.yaml")

    assert program.stdout == [line.format(kube.namespace) for line in lines]
    assert (program.exit_code(), program.stderr) == (int(bool(lines)), [])


def test_a_diff_comes_true(shop: Callable[..., Program], kube: Client, tmp_path: Path) -> None:
    """Once they are applied nothing differs any more."""
    change = WEB.replace("name: cart, port: {number: 80}", "name: cart, port: {name: http}")
    (tmp_path / "new.yaml").write_text(change)

    assert shop("diff", "new.yaml").exit_code() == 1

    kube.apply(change)

    assert shop("diff", "new.yaml").exit_code() == 0


def test_endpoints_that_are_this_machines_are_refused_unless_asked_for(
    shop: Callable[..., Program], kube: Client
) -> None:
    """Who may write to the cluster does not own the machine; of files `allow` is the default."""
    kube.apply(CART.replace("10.1.2.3", "100.100.100.200"))

    told = "\n".join(shop("check").stdout)

    assert told.startswith(f"EndpointSlice {kube.namespace}/cart-1: EndpointRefused: ")
    assert shop("check", "--loopback-endpoints", "allow").stdout == []
