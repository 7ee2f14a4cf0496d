from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.manifest import Folder, Object
from tests.support.up import Up

NOBODY = "nobody.example.net"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One `isoline up` on an empty folder for all tests of a file."""
    with Up(Folder(tmp_path_factory.mktemp("up") / "manifests").root) as running:
        yield running
        assert running.admin.rejected() == {}


@pytest.fixture
def apply(up: Up) -> Iterator[Callable[..., None]]:
    """`apply(*objects)` makes these the only objects; at the end of the test none is left, nor its hosts."""
    folder, hosts = Folder(Path(up.folder)), {NOBODY}

    def write(*objects: Object) -> None:
        rules = [rule for item in objects for rule in item.get("spec", {}).get("rules", [])]
        hosts.update(rule["host"].replace("*", "x") for rule in rules if "host" in rule)
        folder.write("test.yaml", *objects)

    yield write

    folder.remove("test.yaml")
    for host in hosts:
        up.becomes("404", host)
