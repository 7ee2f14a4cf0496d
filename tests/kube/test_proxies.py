"""A real proxy between watcher and API server: nothing is lost, and nothing is asked for in circles."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kube.client import Client, Object
from tests.kube.cluster import Cluster
from tests.kube.followed import SOURCES, Followed
from tests.kube.proxy import Proxy
from tests.support.background import Background
from tests.support.certificate import pair, secret
from tests.support.deadline import wait_until
from tests.support.manifest import endpoints, ingress, path, rule, service

pytestmark = [pytest.mark.cluster, pytest.mark.envoy, pytest.mark.process]

Follow = Callable[..., Followed]
StartProxy = Callable[..., Proxy]
CUT_SECONDS = 2


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[StartProxy]:
    """`proxy(**options)` starts one that lasts as long as the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Proxy(cluster, **options))


@pytest.fixture
def follow(background: Background, kube: Client) -> Iterator[Follow]:
    """`follow(kubeconfig)` starts a watcher of the namespace of the test, in which something is."""
    kube.apply(*here(kube, *(service(name) for name in ("a", "b")), at(8080)))
    kube.apply(*here(kube, ingress("web", rule("shop.example.com", path("/", "a"))), secret("web", pair())))
    with ExitStack() as stack:

        def start(config: Path, env: dict[str, str] | None = None) -> Followed:
            return stack.enter_context(Followed(background, kube, config, env))

        yield start


def here(kube: Client, *objects: Object) -> list[Object]:
    """These in the test's own namespace."""
    return [{**item, "metadata": item["metadata"] | {"namespace": kube.namespace}} for item in objects]


def at(port: int) -> Object:
    """The endpoints of Service `a`; an API server takes none on loopback."""
    return {**endpoints("a", port), "endpoints": [{"addresses": ["10.1.2.3"]}]}


def change(kube: Client) -> None:
    """One object of each way that there is: changed, new, gone, made anew."""
    kube.apply(*here(kube, ingress("web", rule("shop.example.com", path("/", "c")))))
    kube.apply(*here(kube, service("c"), at(8081), secret("web", pair(number=1))))
    kube.delete("Service", "a")
    kube.delete("Service", "b")
    kube.apply(*here(kube, service("a", 81)))


def gone(kube: Client, *services: str) -> set[str]:
    return {f"Service/{kube.namespace}/{name}" for name in services}


@pytest.mark.parametrize(
    "options",
    [{"prefix": "/k8s/clusters/c-abc"}, {"address": "::1"}, {"address": "::1", "prefix": "/a%20b"}],
    ids=["below a prefix", "on IPv6", "both"],
)
def test_a_cluster_is_followed_through_a_proxy(
    proxy: StartProxy, follow: Follow, kube: Client, options: dict[str, Any]
) -> None:
    """Each source by one request, since a list goes on as a watch; a missing kind is asked for again."""
    between = proxy(**options)
    watcher = follow(between.kubeconfig(namespace=kube.namespace))
    watcher.catches_up()
    change(kube)
    watcher.catches_up()

    assert watcher.gone <= gone(kube, "a", "b")
    assert between.requests <= 2 * SOURCES


def test_watches_that_a_proxy_cuts_go_on_where_they_were(
    proxy: StartProxy, follow: Follow, kube: Client
) -> None:
    """Through several cuts nothing is listed a second time, and each watch is asked for once a cut."""
    between = proxy(cut_seconds=CUT_SECONDS)
    watcher = follow(between.kubeconfig(namespace=kube.namespace))
    watcher.catches_up()
    for name in ("d", "e", "f"):
        before = between.requests
        wait_until(lambda: between.requests >= before + SOURCES, "each watch is cut")  # noqa: B023
        kube.apply(*here(kube, service(name)))
        watcher.catches_up()

    assert watcher.gone == set()
    assert max(watcher.lists.values()) == 1
    assert between.requests <= SOURCES * (2 + watcher.seconds / CUT_SECONDS)


def test_a_proxy_that_limits_requests_is_asked_when_it_says(
    proxy: StartProxy, follow: Follow, kube: Client
) -> None:
    """429 with Retry-After of a second: until it is lifted the watcher is not ready, and then it is."""
    between = proxy(limited=True)
    watcher = follow(between.kubeconfig(namespace=kube.namespace))
    wait_until(lambda: between.refused >= 4 * SOURCES, "many are refused", of=[watcher.program])

    assert not watcher.is_ready()
    assert "429" in watcher.waits_for
    assert between.requests <= SOURCES * (2 + watcher.seconds)

    between.limit(on=False)

    watcher.catches_up()
    assert watcher.is_ready()


def test_a_limit_that_comes_later_takes_nothing_away(proxy: StartProxy, follow: Follow, kube: Client) -> None:
    """The watcher stays ready, and what changes meanwhile comes when it is lifted."""
    between = proxy(cut_seconds=CUT_SECONDS)
    watcher = follow(between.kubeconfig(namespace=kube.namespace))
    watcher.catches_up()
    between.limit(on=True)
    wait_until(lambda: between.refused >= 3 * SOURCES, "each watch is refused", of=[watcher.program])
    change(kube)

    assert watcher.is_ready()
    assert watcher.gone == set()

    between.limit(on=False)

    watcher.catches_up()
    assert watcher.gone <= gone(kube, "a", "b")
    assert between.requests <= SOURCES * (2 + watcher.seconds)


def test_a_proxy_may_be_killed_while_something_changes(
    proxy: StartProxy, follow: Follow, kube: Client
) -> None:
    """Again and again; what has changed comes, be it before, while or after the other one starts."""
    between = proxy()
    watcher = follow(between.kubeconfig(namespace=kube.namespace))
    for name in ("d", "e", "f"):
        watcher.catches_up()
        kube.apply(*here(kube, service(name)))
        between.kill()
        change(kube)
        between.start()
        kube.apply(*here(kube, service("b")))
        kube.delete("Service", name)

    watcher.catches_up()
    assert watcher.gone <= gone(kube, *"abdef")
    assert max(watcher.lists.values()) == 1
    assert between.requests <= 3 * SOURCES  # since the last start


@pytest.mark.parametrize("how", ["HTTPS_PROXY", "proxy-url"])
def test_a_tunnel_leads_to_a_server_that_only_the_proxy_knows(
    proxy: StartProxy, follow: Follow, cluster: Cluster, kube: Client, how: str
) -> None:
    """By CONNECT, which the environment or the kubeconfig asks for; TLS is that of the API server."""
    between = proxy(tunnel=True)
    config = cluster.kubeconfig(
        "client-certificate", namespace=kube.namespace, url="https://kubernetes.invalid:6443"
    )
    content = yaml.safe_load(config.read_text())
    content["clusters"][0]["cluster"] |= {"tls-server-name": cluster.address}
    content["clusters"][0]["cluster"] |= {} if how == "HTTPS_PROXY" else {"proxy-url": between.url}
    config.write_text(yaml.safe_dump(content))

    watcher = follow(config, {"HTTPS_PROXY": between.url} if how == "HTTPS_PROXY" else {})
    watcher.catches_up()
    change(kube)
    watcher.catches_up()

    assert watcher.gone <= gone(kube, "a", "b")
    assert 0 < between.requests <= 2 * SOURCES
