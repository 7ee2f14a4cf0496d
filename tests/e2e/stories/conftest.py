from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.stories.world import Sockets
from tests.stories.conftest import envoy, kube, options
from tests.support.background import Background

__all__ = ["envoy", "kube", "options"]


@pytest.fixture(scope="module")
def sockets(background: Background) -> Iterator[Callable[[dict[str, Any]], Sockets]]:
    """The processes for these flags; stories that need the same ones share them."""
    worlds: dict[str, Sockets] = {}

    def of(flags: dict[str, Any]) -> Sockets:
        key = repr(sorted(flags.items()))
        if key not in worlds:
            worlds[key] = Sockets(background, flags)
        return worlds[key]

    yield of

    for world in worlds.values():
        world.close()


@pytest.fixture
def world(sockets: Callable[[dict[str, Any]], Sockets], options: dict[str, Any]) -> Sockets:
    """Without objects at the start of each story."""
    world = sockets(options)
    world.clear()
    return world
