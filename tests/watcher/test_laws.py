"""Laws of the folder's core, over random histories of its files."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.watcher.fed import Fed
from tests.watcher.texts import BROKEN, service, services
from watcher.files.manifests import parse

pytestmark = pytest.mark.law

# Few files and few objects, so that everything meets everything.
TEXTS: tuple[str | None, ...] = (
    None,
    "",
    BROKEN,
    service("a"),
    service("a", port=81),
    service("b"),
    services("a", "b"),
    services("b", "a", "a"),
    "kind: Service\napiVersion: v1\nmetadata: {}\n",
    "kind: Deployment\napiVersion: apps/v1\n",
)
FILES = st.dictionaries(st.sampled_from(["1.yaml", "2.yaml", "d/1.yaml"]), st.sampled_from(TEXTS), min_size=1)
# Seconds: at once, within the time that files settle in, and beyond it.
HISTORIES = st.lists(st.tuples(FILES, st.sampled_from([0.0, 0.02, 0.06, 2.0])), max_size=12)


class Model:
    """What each file has by the rule: its last readable version, and its newest."""

    def __init__(self) -> None:
        self.readable: dict[str, str] = {}
        self.newest: dict[str, str] = {}

    def write(self, files: Mapping[str, str | None]) -> None:
        for path, text in files.items():
            if text is None:
                self.newest.pop(path, None)
                continue
            self.newest[path] = text
            if parse(path, text.encode()).readable:
                self.readable[path] = text

    def settle(self) -> None:
        self.readable = {path: text for path, text in self.readable.items() if path in self.newest}


def lived(history: list[tuple[dict[str, str | None], float]]) -> tuple[Fed, Model]:
    fed, model = Fed(), Model()
    for files, seconds in history:
        fed.write(files)
        model.write(files)
        due = fed.folder.deadline
        fed.later(seconds)
        if due is None or due <= fed.now:
            model.settle()
    fed.later()
    model.settle()
    return fed, model


@given(HISTORIES)
def test_any_history_of_files_ends_where_a_fresh_start_ends(
    history: list[tuple[dict[str, str | None], float]],
) -> None:
    """That of a watcher which is given each file's last readable version, and then its newest."""
    fed, model = lived(history)
    fresh = Fed()

    fresh.write(model.readable)
    fresh.write(model.newest)
    fresh.later()

    assert fed.table == fresh.table
    assert fed.held == fresh.held
    assert fed.folder.status() == fresh.folder.status()
    assert fed.folder.rows == fed.table


@given(HISTORIES)
def test_an_object_that_a_file_has_is_never_missing(
    history: list[tuple[dict[str, str | None], float]],
) -> None:
    """After every batch, not only at the end: whatever else happens to it, or to other files."""
    fed, model = Fed(), Model()
    for files, seconds in history:
        fed.write(files)
        model.write(files)
        for path in model.newest.keys() & model.readable.keys():
            assert parse(path, model.readable[path].encode()).objects.keys() <= fed.table.keys()
        due = fed.folder.deadline
        fed.later(seconds)
        if due is None or due <= fed.now:
            model.settle()


@given(st.lists(FILES, max_size=6), st.permutations(["1.yaml", "2.yaml", "d/1.yaml"]))
def test_the_order_of_files_does_not_matter(steps: list[dict[str, str | None]], order: list[str]) -> None:
    """One at a time, in any order, or all at once."""
    together, apart = Fed(), Fed()
    for files in steps:
        together.write(files)
        for path in order:
            if path in files:
                apart.write({path: files[path]})
    together.later()
    apart.later()

    assert apart.table == together.table
    assert apart.held == together.held
