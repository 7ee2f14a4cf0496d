from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.deadline import wait_until
from tests.support.manifest import Folder
from tests.support.up import Up


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One `isoline up` on an empty folder for all tests of a file that need no other flags."""
    with Up(Folder(tmp_path_factory.mktemp("up") / "manifests").root) as running:
        yield running
        assert running.admin.rejected() == {}


@pytest.fixture
def put(up: Up) -> Callable[..., None]:
    """`put(*objects)` makes these the only objects. (A suite that overrides it and `up` has the same stories
    told elsewhere.)
    """
    assert up.folder is not None
    folder = Folder(Path(up.folder))
    return lambda *objects: folder.write("test.yaml", *objects)


@pytest.fixture
def apply(up: Up, put: Callable[..., None]) -> Iterator[Callable[..., None]]:
    """`apply(*objects)` makes these the only objects; at the end of the test none is left."""
    yield put
    put()
    wait_until(lambda: up.admin.hosts() == {}, "no host is left", of=[up.program])
