"""The fixtures of the stories. Another suite that overrides `world` runs the same stories elsewhere."""

from typing import Any

import pytest

from tests.stories.world import Core, Envoy, Kube, World
from translator.settings import Settings


@pytest.fixture
def options() -> dict[str, Any]:
    """The translator's flags; a story that needs others says so: `parametrize("options", [{"clusters":
    "all"}])`.
    """
    return {}


@pytest.fixture
def world(options: dict[str, Any]) -> World:
    return Core(Settings(**options))


@pytest.fixture
def kube(world: World) -> Kube:
    return Kube(world)


@pytest.fixture
def envoy(world: World) -> Envoy:
    return Envoy(world)
