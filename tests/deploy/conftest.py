"""One loop for all that plays a part of a cluster's network."""

from collections.abc import Iterator

import pytest

from tests.support.background import Background


@pytest.fixture(scope="package")
def background() -> Iterator[Background]:
    running = Background()
    yield running
    running.close()
