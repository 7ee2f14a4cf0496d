"""The fixtures of tests/e2e, on an API server instead of a folder."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.conftest import apply
from tests.kube.cluster import Cluster
from tests.support.backend import Backend
from tests.support.background import Background
from tests.support.manifest import Object
from tests.support.own_address import own_address
from tests.support.up import Up

__all__ = ["apply"]


@pytest.fixture(scope="module")
def up(cluster: Cluster) -> Iterator[Up]:
    """One `isoline up` on the API server for all stories."""
    with Up(None, "--kubeconfig", cluster.kubeconfig()) as running:
        yield running
        assert running.admin.rejected() == {}


@pytest.fixture
def put(cluster: Cluster) -> Iterator[Callable[..., None]]:
    """`put(*objects)` makes these the only objects: others that it has applied before are deleted."""
    kube = cluster.client()
    there: dict[tuple[str, str], None] = {}

    def only(*objects: Object) -> None:
        wanted = {(item["kind"], item["metadata"]["name"]): None for item in objects}
        kube.apply(*objects)
        for kind, name in there.keys() - wanted.keys():
            kube.delete(kind, name)
        there.clear()
        there.update(wanted)

    yield only
    kube.clean()


@pytest.fixture
def backend(background: Background) -> Iterator[Callable[..., Backend]]:
    """As everywhere, at an address that an EndpointSlice may hold."""
    with ExitStack() as stack:
        yield lambda name, **options: stack.enter_context(
            Backend(background, name, address=own_address(), **options)
        )
