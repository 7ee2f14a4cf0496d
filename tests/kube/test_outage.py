"""The API server is gone for long, and everything else is restarted meanwhile: what was served is served."""

import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.kube.client import Client
from tests.kube.cluster import Cluster
from tests.support.backend import Backend
from tests.support.background import Background
from tests.support.deadline import wait_until
from tests.support.envoy import Envoy
from tests.support.load import Load
from tests.support.manifest import ingress, path, rule, served
from tests.support.own_address import own_address
from tests.support.pipeline import Pipeline

pytestmark = [pytest.mark.cluster, pytest.mark.envoy, pytest.mark.process, pytest.mark.timeout(300)]

HOST = "shop.example.com"
ROLES = ("watcher", "translator", "xds-server")
# That of the first test: shorter than the five minutes after which an API server has forgotten what was.
OUTAGE_SECONDS = 120.0
# Requests for one resource, which may have two watches, in an outage of seconds: a storm has hundreds.
FEW = 24
# What tests.support.load needs of a route.
LOADED = {"projectcontour.io/retry-on": "5xx", "projectcontour.io/websocket-routes": "/ws,/"}


class Shop:
    """A pipeline on an API server of its own, an Envoy behind it, a host that Service `a` answers."""

    def __init__(self, cluster: Cluster, pipeline: Pipeline, envoy: Envoy) -> None:
        self.cluster = cluster
        self.pipeline = pipeline
        self.envoy = envoy
        self.kube = cluster.client()
        self.url = f"http://127.0.0.1:{pipeline.http_port}"

    def lead_to(self, service: str, kube: Client | None = None) -> None:
        routes = rule(HOST, path("/", service), path("/ws", service))
        (kube or self.kube).apply(ingress("web", routes, annotations=LOADED))

    def becomes(self, answer: str) -> None:
        """Waits until this backend answers."""

        def answers() -> bool:
            try:
                found = httpx.get(self.url, headers={"host": HOST}, trust_env=False)
            except httpx.TransportError:
                return False
            return found.status_code == 200 and found.json()["backend"] == answer

        self.pipeline.until(answers, f"{HOST} is answered by {answer}")

    def restart(self, role: str) -> None:
        """Kill -9, and another one in its place."""
        if role == "envoy":
            self.envoy.kill()
            self.envoy.start()
            self.envoy.lives()
        else:
            self.pipeline.kill(role)
            self.pipeline.start(role)


@pytest.fixture
def shop(own_cluster: Callable[..., Cluster], backend: Callable[..., Backend]) -> Iterator[Shop]:
    cluster = own_cluster()
    objects = [item for name in ("a", "b") for item in served(name, backend(name, address=own_address()))]
    with (
        Pipeline(kubeconfig=cluster.kubeconfig()) as pipeline,
        Envoy(pipeline.address) as envoy,
    ):
        found = Shop(cluster, pipeline, envoy)
        found.kube.apply(*objects)
        found.lead_to("a")
        pipeline.start(*ROLES)
        found.becomes("a")
        yield found


def test_for_two_minutes_without_an_api_server_each_process_may_be_killed(
    shop: Shop, background: Background
) -> None:
    """One after the other; Envoy is the first, since no request survives that. Then no request fails, what
    has changed meanwhile arrives, and each resource is asked for a few times when the server is back.
    """
    shop.cluster.kill()
    gone = time.monotonic()
    shop.restart("envoy")
    shop.becomes("a")
    with Load(background, shop.url, HOST, kinds=("http1", "slow", "websocket")) as load:
        for part, role in enumerate(("xds-server", "translator", "watcher"), start=1):
            shop.restart(role)
            load.goes_on(until=gone + part * OUTAGE_SECONDS / 3)
        with shop.cluster.elsewhere() as kube:
            shop.lead_to("b", kube)
        assert {answer.backend for answer in load.answers} == {"a"}
        before = asked(shop.pipeline)
        shop.cluster.start()
        shop.becomes("b")
        load.more()

    assert load.failures == []
    assert shop.envoy.admin.rejected() == {}
    assert max(more(shop.pipeline, before).values()) <= FEW, more(shop.pipeline, before)


def test_a_watcher_that_starts_without_an_api_server_says_so_and_waits(shop: Shop) -> None:
    """It is not ready, and takes nothing away from those who have more."""
    shop.cluster.kill()
    shop.restart("watcher")

    shop.pipeline.programs["watcher"].said("API server unreachable")
    assert not shop.pipeline.is_ready("watcher")
    shop.becomes("a")

    shop.cluster.start()

    wait_until(lambda: shop.pipeline.is_ready("watcher"), "the watcher is ready")
    shop.becomes("a")


def test_a_watcher_that_has_listed_all_stays_ready_without_an_api_server(shop: Shop) -> None:
    """Readiness is about whether there is something to serve (liveness depends on nobody anyway)."""
    shop.cluster.kill()

    shop.pipeline.programs["watcher"].said("API server unreachable")
    assert shop.pipeline.is_ready("watcher")


def test_after_an_outage_each_resource_is_asked_for_a_few_times_and_no_more(shop: Shop) -> None:
    """By a watch from where it was, which has expired, and a list; the others were made in vain before."""
    shop.cluster.restart()
    shop.lead_to("b")
    shop.becomes("b")
    before = asked(shop.pipeline)
    shop.cluster.kill()
    shop.pipeline.programs["watcher"].said("API server unreachable")
    shop.cluster.start()
    shop.lead_to("a")
    shop.becomes("a")

    assert asked(shop.pipeline).keys() == before.keys()
    assert max(more(shop.pipeline, before).values()) <= FEW, more(shop.pipeline, before)


def asked(pipeline: Pipeline) -> dict[str, float]:
    """How often each resource was asked for, by its metric."""
    lines = pipeline.get("watcher", "/metrics").splitlines()
    found = (line.rpartition(" ") for line in lines if line.startswith("isoline_watcher_requests_total"))
    return {name: float(count) for name, _, count in found}


def more(pipeline: Pipeline, before: dict[str, float]) -> dict[str, float]:
    """How much more often."""
    return {name: count - before.get(name, 0) for name, count in asked(pipeline).items()}
