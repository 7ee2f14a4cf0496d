"""A law of the tree, over random histories of a real folder."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.watcher.fed import Fed
from tests.watcher.texts import services
from watcher.files.tree import Tree

pytestmark = pytest.mark.law

FILES = ("a.yaml", "b.yaml", "d/a.yaml", "d/e/b.yaml", "f/a.yaml")
FOLDERS = ("d", "d/e", "f", "g.yaml")
TEXTS = (services("a"), services("b"), services("a", "b"), "")
_PATHS = st.sampled_from(FILES + FOLDERS)
STEPS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(FILES), st.sampled_from(TEXTS)),
    st.tuples(st.just("rename"), _PATHS, _PATHS),
    st.tuples(st.just("remove"), _PATHS, st.just("")),
    st.tuples(st.just("symlink"), _PATHS, _PATHS),
    st.tuples(st.just("hardlink"), st.sampled_from(FILES), st.sampled_from(FILES)),
    st.tuples(st.just("read"), st.sampled_from(FILES), st.just("")),
    st.tuples(st.just("scan"), st.just(""), st.just("")),
    st.tuples(st.just("steady"), st.just(""), st.just("")),
)


@contextmanager
def temporary() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp())
    try:
        yield root
    finally:
        shutil.rmtree(root)


def edit(root: Path, step: tuple[str, str, str]) -> None:
    """As somebody does; what the file system refuses is not done."""
    kind, first, second = step
    path, other = root / first, root / second
    try:
        if kind == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(second)
        elif kind == "rename":
            path.rename(other)
        elif kind == "symlink":
            path.symlink_to(other)
        elif kind == "hardlink":
            path.hardlink_to(other)
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        pass


def look(tree: Tree, fed: Fed, step: tuple[str, str, str]) -> None:
    kind, path, _ = step
    found = tree.read([f"{tree.root}/{path}"]) if kind == "read" else tree.scan(steady=kind == "steady")
    if found is not None:
        fed.take(fed.folder.apply(found, fed.now))


@given(st.lists(STEPS, max_size=25))
def test_any_history_of_edits_and_looks_ends_where_a_fresh_start_ends(
    steps: list[tuple[str, str, str]],
) -> None:
    """Whatever was looked at in between: the last look through everything finds what a first one finds."""
    with temporary() as root:
        tree, lived, fresh = Tree(str(root)), Fed(), Fed()
        for step in steps:
            if step[0] in ("read", "scan", "steady"):
                look(tree, lived, step)
            else:
                edit(root, step)
        for path in root.rglob("*"):
            if not path.exists():
                path.unlink()  # a link to nowhere keeps what its file last had: no fresh start has that

        look(tree, lived, ("scan", "", ""))
        look(Tree(str(root)), fresh, ("scan", "", ""))
        lived.later()

        assert lived.objects == fresh.objects
        assert lived.problems == fresh.problems
