"""The files below a real folder: which there are, what has changed, and what cannot be read."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.watcher.texts import service, services
from watcher.files.manifests import MAX_BYTES, Manifest
from watcher.files.tree import MissingError, Place, Tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    return folder


@pytest.fixture
def tree(root: Path) -> Tree:
    return Tree(str(root))


def put(path: Path, text: str = service("web")) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def told(found: Mapping[str, Manifest | None]) -> dict[str, str | None]:
    """By path: the names of the objects, or what is wrong, or None when it is gone."""
    return {path: _told(manifest) for path, manifest in found.items()}


def _told(manifest: Manifest | None) -> str | None:
    if manifest is None:
        return None
    names = [reference.rpartition("/")[2] for reference in manifest.objects]
    return " ".join([*names, *(problem.message for problem in manifest.problems)])


def test_manifests_are_found_in_all_subfolders_and_nothing_else_is(root: Path, tree: Tree) -> None:
    """By their ending; hidden files and folders, editors' backups and locks are passed over."""
    put(root / "sub/deep/c.json", "{}")
    for path, name in (("a.yaml", "a"), ("sub/b.yml", "b"), ("folder.yaml/d.yaml", "d")):
        put(root / path, service(name))
    for name in (".a.yaml.swp", "a.yaml~", "#a.yaml#", ".#a.yaml", "~$a.yaml", ".git/x.yaml", "README.md"):
        put(root / name)

    assert told(tree.scan()) == {
        "a.yaml": "a",
        "folder.yaml/d.yaml": "d",
        "sub/b.yml": "b",
        "sub/deep/c.json": "apiVersion: expected a string, found nothing",
    }


def test_only_what_has_changed_is_read_again(root: Path, tree: Tree) -> None:
    """What is gone is None, once."""
    a, b = put(root / "a.yaml"), put(root / "b.yaml")
    tree.scan()
    put(a, service("api"))
    b.unlink()

    assert told(tree.scan()) == {"a.yaml": "api", "b.yaml": None}
    assert told(tree.scan()) == {}


def test_a_file_of_the_same_size_and_age_is_read_all_the_same(root: Path, tree: Tree) -> None:
    """`cp -p` and `git checkout` set the time of the content; that of the inode they can't."""
    a = put(root / "a.yaml", service("a"))
    tree.scan()
    known = a.stat()

    put(a, service("b"))
    os.utime(a, ns=(known.st_atime_ns, known.st_mtime_ns))

    assert told(tree.scan()) == {"a.yaml": "b"}


def test_a_file_that_is_being_written_waits(root: Path, tree: Tree) -> None:
    """Of a look everywhere; it is named by its real path."""
    a = put(root / "a.yaml")

    assert told(tree.scan(frozenset({str(a)}))) == {}
    assert told(tree.scan()) == {"a.yaml": "web"}


def test_where_nobody_tells_when_a_file_is_complete_it_must_look_the_same_twice(
    root: Path, tree: Tree
) -> None:
    """Read while it grows, half of it might be taken for the whole."""
    a = put(root / "a.yaml", service("a"))
    assert told(tree.scan(steady=True)) == {}
    put(a, services("a", "b"))

    assert told(tree.scan(steady=True)) == {}
    assert told(tree.scan(steady=True)) == {"a.yaml": "a b"}
    assert told(tree.scan(steady=True)) == {}


def test_a_file_is_read_without_a_look_at_the_others(root: Path, tree: Tree) -> None:
    """A known one, or a new one in a known folder, but for links; what is gone needs the whole look."""
    a, deep = put(root / "a.yaml"), put(root / "new/b.yaml")
    deep.unlink()
    tree.scan()
    put(a, service("api"))
    put(deep)
    (root / "link.yaml").symlink_to(deep)

    assert told(tree.read([str(a), str(deep)]) or {}) == {"a.yaml": "api", "new/b.yaml": "web"}
    assert tree.read([str(a), str(deep)]) == {}
    assert tree.read([str(root / "link.yaml")]) is None
    assert tree.read([str(put(root / "unknown/c.yaml"))]) is None
    a.unlink()
    assert tree.read([str(a)]) is None


def test_what_a_look_at_some_files_cannot_tell_is_told_by_the_whole_look(root: Path, tree: Tree) -> None:
    """One of them is gone: the change of the other is not lost between the two."""
    a, b = put(root / "a.yaml"), put(root / "b.yaml")
    tree.scan()
    put(a, service("api"))
    b.unlink()

    assert tree.read([str(a), str(b)]) is None
    assert told(tree.scan()) == {"a.yaml": "api", "b.yaml": None}


def test_a_file_is_read_once_by_whatever_paths_it_is_reached(root: Path, tree: Tree, tmp_path: Path) -> None:
    """Links to a file, hard links, links to a folder, and links that lead in a circle."""
    a = put(root / "a.yaml", service("a"))
    (root / "b.yaml").symlink_to("a.yaml")
    (root / "c.yaml").hardlink_to(a)
    put(tmp_path / "elsewhere/d.yaml", service("d"))
    (root / "one").symlink_to(tmp_path / "elsewhere")
    (root / "two").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/up").symlink_to(root)

    assert told(tree.scan()) == {"a.yaml": "a", "one/d.yaml": "d"}
    assert tree.places == {Place(str(root), deep=True), Place(str(tmp_path / "elsewhere"), deep=True)}


def test_the_folder_of_a_linked_file_is_watched_too(root: Path, tree: Tree, tmp_path: Path) -> None:
    """It alone, for it may be large."""
    put(tmp_path / "elsewhere/d.yaml", service("d"))
    (root / "a.yaml").symlink_to(tmp_path / "elsewhere/d.yaml")

    assert told(tree.scan()) == {"a.yaml": "d"}
    assert tree.places == {Place(str(root), deep=True), Place(str(tmp_path / "elsewhere"), deep=False)}


@pytest.mark.parametrize("target", ["nowhere/x.yaml", "elsewhere/d.yaml/x.yaml"])
def test_where_a_link_leads_nowhere_nothing_is_watched(
    root: Path, tree: Tree, tmp_path: Path, target: str
) -> None:
    """What is no folder can't be; that the link is broken is told of the file."""
    put(tmp_path / "elsewhere/d.yaml", service("d"))
    (root / "a.yaml").symlink_to(tmp_path / target)

    tree.scan()

    assert tree.places == {Place(str(root), deep=True)}


@pytest.mark.timeout(10)
def test_what_is_no_file_is_told_and_nothing_waits_for_it(root: Path, tree: Tree) -> None:
    """A named pipe that nobody writes, a link to itself, a link to nowhere, a socket."""
    os.mkfifo(root / "pipe.yaml")
    (root / "loop.yaml").symlink_to("loop.yaml")
    (root / "gone.yaml").symlink_to("nowhere")
    put(root / "a.yaml")

    assert told(tree.scan()) == {
        "a.yaml": "web",
        "gone.yaml": "a link to a file that does not exist",
        "loop.yaml": "Too many levels of symbolic links",
        "pipe.yaml": "a named pipe, socket or device, not a file",
    }
    assert told(tree.scan()) == {}


def test_a_file_that_is_too_large_is_not_read(root: Path, tree: Tree) -> None:
    """However large: this one has a terabyte, of nothing."""
    with put(root / "a.yaml").open("r+b") as file:
        file.truncate(1 << 40)

    assert told(tree.scan()) == {"a.yaml": f"larger than {MAX_BYTES >> 20} MiB; split it into several files"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told_until_it_is_given(root: Path, tree: Tree) -> None:
    """A change of permissions is a change."""
    a = put(root / "a.yaml")
    a.chmod(0)
    assert told(tree.scan()) == {"a.yaml": "Permission denied"}

    a.chmod(0o600)

    assert told(tree.scan()) == {"a.yaml": "web"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_the_files_of_a_folder_that_cannot_be_listed_are_kept(root: Path, tree: Tree) -> None:
    """The folder is told, and that it is well again."""
    put(root / "sub/a.yaml")
    tree.scan()
    (root / "sub").chmod(0)
    blind = told(tree.scan())
    (root / "sub").chmod(0o700)

    assert blind == {"sub": "Permission denied"}
    assert told(tree.scan()) == {"sub": None}


def test_a_folder_that_is_missing_is_an_error_and_forgets_nothing(root: Path, tree: Tree) -> None:
    """When it is back, what has not changed is not read again."""
    put(root / "a.yaml")
    tree.scan()
    root.rename(root.with_name("moved"))
    with pytest.raises(MissingError, match=r"^no such file or folder$"):
        tree.scan()

    root.with_name("moved").rename(root)

    assert told(tree.scan()) == {}


def test_a_name_that_is_no_utf_8_is_shown_as_bytes(root: Path, tree: Tree) -> None:
    """What is published is UTF-8."""
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.yaml")).write_text(service("web"))

    assert told(tree.scan()) == {"caf\\xe9.yaml": "web"}
    assert told(tree.scan()) == {}


def test_a_scan_that_is_stopped_reads_no_further(root: Path, tree: Tree) -> None:
    """The end of the process does not wait for ten thousand files."""
    put(root / "a.yaml")
    tree.stopped = True

    assert tree.scan() == {}
