"""The fixtures of the stories. Another suite that overrides `world` runs the same stories elsewhere."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.stories.world import MADE, Core, Envoy, Kube, World
from tests.translator.real_envoy import refusal
from translator.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session", autouse=True)
def a_real_envoy_refuses_nothing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever the stories have made is put to a real Envoy at the end of the session."""
    yield

    folder: Path = tmp_path_factory.mktemp("envoy")
    assert refusal(sorted(MADE), folder) == ""


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
