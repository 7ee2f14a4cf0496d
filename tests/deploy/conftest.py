"""What deploy/ renders to, and one loop for all that plays a part of a cluster's network."""

from collections.abc import Iterator

import pytest

from tests.deploy.objects import Objects
from tests.deploy.rendered import rendered
from tests.kube.conftest import assets
from tests.support.background import Background

__all__ = ["assets", "background", "objects"]


@pytest.fixture(scope="package")
def background() -> Iterator[Background]:
    running = Background()
    yield running
    running.close()


@pytest.fixture(scope="session")
def objects() -> Objects:
    """Those of `kubectl apply -k deploy`."""
    return rendered()
