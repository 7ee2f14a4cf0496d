"""A container as its file describes it, whichever file that is."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class HttpProbe:
    """What a kubelet asks."""

    port: int
    path: str


@dataclass(frozen=True, kw_only=True)
class Container:
    """`command` is all of it, with the image's entry point; `mounts` lead from paths inside to paths here.

    `env` is what the process finds in its environment. Containers of one `pod` share a network. `ready` is
    what is asked whether it is: a command or a probe.
    """

    name: str
    pod: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, Path] = field(default_factory=dict)
    read_only: frozenset[str] = frozenset()
    ready: tuple[str, ...] | HttpProbe | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Containers, and which pods answer to a name or a fixed address. `on_loopback`: so do backends, here."""

    containers: Sequence[Container]
    names: Mapping[str, Sequence[str]]
    on_loopback: bool = False

    def find(self, name: str) -> Container:
        """The container of this name."""
        return next(container for container in self.containers if container.name == name)


def entry_point(dockerfile: Path = ROOT / "Dockerfile") -> list[str]:
    """What an image made from the Dockerfile runs."""
    found = re.search(r"^ENTRYPOINT (\[.*\])$", dockerfile.read_text(), re.MULTILINE)
    assert found
    words: list[str] = json.loads(found[1])
    return words
