"""Processes and Envoys may start in any order, and end for any time."""

import itertools
from collections.abc import Callable

import httpx
import pytest

from tests.faults.conftest import HOST
from tests.support.background import Background
from tests.support.envoy import Envoy
from tests.support.load import Load
from tests.support.manifest import Folder
from tests.support.pipeline import Pipeline
from tests.support.up import ROLES

pytestmark = [pytest.mark.envoy, pytest.mark.process]

Shop = Callable[[str], None]


def backend_at(port: int) -> str:
    """Who answers HOST at this port."""
    try:
        response = httpx.get(f"http://127.0.0.1:{port}/", headers={"host": HOST}, trust_env=False)
    except httpx.TransportError as error:
        raise OSError(repr(error)) from error
    return str(response.json()["backend"])


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("order", list(itertools.permutations(ROLES)), ids=" ".join)
def test_the_order_of_starting_does_not_matter(folder: Folder, order: tuple[str, ...]) -> None:
    """An Envoy that was there before all of them is configured by the last."""
    with Pipeline(folder.root) as pipeline, Envoy(pipeline.address) as envoy:
        for role in order:
            pipeline.start(role)

        pipeline.until(lambda: backend_at(pipeline.http_port) == "a", "an answer by a")
        assert envoy.admin.rejected() == {}


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_an_envoy_may_start_before_after_and_in_between(folder: Folder, before: int) -> None:
    """After `before` of the three processes."""
    with Pipeline(folder.root) as pipeline:
        pipeline.start(*ROLES[:before])
        with Envoy(pipeline.address) as envoy:
            pipeline.start(*ROLES[before:])
            envoy.lives()

            pipeline.until(lambda: backend_at(pipeline.http_port) == "a", "an answer by a")


def test_an_xds_server_that_is_long_gone_is_not_missed(
    folder: Folder, shop: Shop, background: Background
) -> None:
    """Gone while the backend is switched: fail static. The next one takes nothing away that is in use; the
    grace is short, but longer than a request and its retry.
    """
    with Pipeline(folder.root, xds_server=["--cluster-grace", "1s"]) as pipeline, Envoy(pipeline.address):
        pipeline.start(*ROLES)
        pipeline.until(lambda: backend_at(pipeline.http_port) == "a", "an answer by a")
        with Load(background, f"http://127.0.0.1:{pipeline.http_port}", HOST) as load:
            pipeline.kill("xds-server")
            shop("b")
            load.more(10)
            pipeline.start("xds-server")
            pipeline.until(lambda: backend_at(pipeline.http_port) == "b", "an answer by b")
            load.more()

    assert load.failures == []


def test_state_of_the_world_serves_the_same(folder: Folder, shop: Shop) -> None:
    """An Envoy that asks for SotW gets its hosts inlined, and follows edits."""
    with Pipeline(folder.root) as pipeline, Envoy(pipeline.address, api="GRPC") as envoy:
        pipeline.start(*ROLES)
        pipeline.until(lambda: backend_at(pipeline.http_port) == "a", "an answer by a")

        shop("b")

        pipeline.until(lambda: backend_at(pipeline.http_port) == "b", "an answer by b")
        assert envoy.admin.rejected() == {}
