"""A Kubernetes API server for tests: one for each worker, and one more where a test asks for its own."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.kube.apiserver.assets import Assets, Step, is_needed
from tests.kube.client import Client
from tests.kube.cluster import Cluster


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of etcd and kube-apiserver; without them the test is skipped, or fails in CI."""
    found = Assets.here()
    if found.step is Step.USE:
        return found.folder
    why = found.why or "no kube-apiserver yet: run `make apiserver`"
    if found.step is Step.FAIL or is_needed(os.environ):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def cluster(assets: Path) -> Iterator[Cluster]:
    """An API server that many tests share: none of them stops it or leaves anything in it."""
    with Cluster(assets) as running:
        yield running


@pytest.fixture
def kube(cluster: Cluster) -> Iterator[Client]:
    """The admin, in a namespace of the test's own; what it applies, anywhere, is gone after the test."""
    client = cluster.client(namespace=f"test-{secrets.token_hex(4)}")
    client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": client.namespace}})
    yield client
    client.clean()


@pytest.fixture
def own_cluster(assets: Path) -> Iterator[Callable[..., Cluster]]:
    """`own_cluster(*flags)` starts one (in five seconds) that lasts as long as the test."""
    with ExitStack() as stack:
        yield lambda *flags: stack.enter_context(Cluster(assets, *flags))
