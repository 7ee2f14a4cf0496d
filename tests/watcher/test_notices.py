"""The core that gathers notices: which files are worth a look, and when."""

import pytest

from watcher.files.notices import (
    LIMIT_SECONDS,
    NEW_SECONDS,
    OPEN_SECONDS,
    QUIET_SECONDS,
    Kind,
    Notice,
    Notices,
    Work,
)


def told(*notices: tuple[Kind, str], folder: bool = False) -> Notices:
    """All at time 10, below `/m`."""
    core = Notices()
    for kind, path in notices:
        core.tell(Notice(kind, "/m", path, folder), 10.0)
    return core


def looks(core: Notices, now: float) -> Work:
    work = core.take(now)
    assert work is not None
    return work


def test_a_file_is_read_when_its_writer_has_closed_it_and_notices_pause() -> None:
    """Not while it is written."""
    core = told(("created", "a.yaml"), ("modified", "a.yaml"), ("modified", "a.yaml"))
    assert core.written == {"/m/a.yaml"}
    assert core.take(10.5) is None

    core.tell(Notice("closed", "/m", "a.yaml", folder=False), 10.6)

    assert core.deadline == 10.6 + QUIET_SECONDS
    assert core.take(10.6) is None
    assert looks(core, 10.61) == Work(
        frozenset({"/m/a.yaml"}), everywhere=False, written=frozenset(), since=10.6
    )
    assert core.deadline is None


@pytest.mark.parametrize("kind", ["closed", "deleted", "moved", "attrib"])
def test_a_file_that_is_complete_is_read_at_once(kind: Kind) -> None:
    """Closed, gone, put there by a rename, or with other permissions."""
    work = looks(told((kind, "sub/a.json")), 10.01)

    assert (work.paths, work.everywhere) == ({"/m/sub/a.json"}, False)


def test_a_file_that_appears_is_read_soon_unless_it_is_written() -> None:
    """It may be a link, or moved here from elsewhere: then nobody closes it."""
    moved_here = told(("created", "a.yaml"))
    written = told(("created", "a.yaml"), ("modified", "a.yaml"))

    assert (moved_here.deadline, written.deadline) == (10.0 + NEW_SECONDS, 10.0 + OPEN_SECONDS)
    assert looks(moved_here, 10.0 + NEW_SECONDS).paths == {"/m/a.yaml"}


def test_a_file_that_stays_open_is_read_when_it_has_rested() -> None:
    """OPEN_SECONDS after the last write, not the first; a change of permissions meanwhile is no end of it."""
    core = told(("modified", "a.yaml"), ("attrib", "a.yaml"))
    core.tell(Notice("modified", "/m", "a.yaml", folder=False), 10.9)

    assert core.take(10.0 + OPEN_SECONDS) is None
    assert looks(core, 10.9 + OPEN_SECONDS).paths == {"/m/a.yaml"}


def test_what_comes_together_is_read_together() -> None:
    """Each notice puts the look off by QUIET_SECONDS, up to LIMIT_SECONDS; it counts from the first."""
    core, now = told(("closed", "0.yaml")), 10.0
    while core.take(now) is None:
        now += 0.004
        core.tell(Notice("closed", "/m", f"{now}.yaml", folder=False), now)

    assert now == pytest.approx(10.0 + LIMIT_SECONDS, abs=0.004)


def test_other_files_are_read_while_one_is_written() -> None:
    """The one that is written is named, so that a look everywhere passes it over."""
    core = told(("modified", "a.yaml"), ("closed", "b.yaml"))

    work = looks(core, 10.01)

    assert (work.paths, work.written) == ({"/m/b.yaml"}, {"/m/a.yaml"})


EVERYWHERE: list[tuple[Kind, str, bool]] = [
    ("created", "sub", True),
    ("moved", "sub", True),
    ("deleted", "sub.yaml", True),
    ("attrib", "sub", True),
    ("deleted", "", True),
    ("created", "link", False),
    ("moved", "..data", False),
    ("created", "..2024_01_01/a.yaml", False),
]


@pytest.mark.parametrize(("kind", "path", "folder"), EVERYWHERE)
def test_what_may_concern_many_files_is_looked_for_everywhere(kind: Kind, path: str, folder: bool) -> None:  # noqa: FBT001
    """Folders, links that may lead to one, and the `..data` of a mounted ConfigMap."""
    work = looks(told((kind, path), folder=folder), 10.01)

    assert (work.paths, work.everywhere) == (frozenset(), True)


IGNORED: list[tuple[Kind, str, bool]] = [
    ("closed", ".a.yaml.swp", False),
    ("closed", "a.yaml~", False),
    ("moved", "#a.yaml#", False),
    ("created", ".#a.yaml", False),
    ("created", "~$a.yaml", False),
    ("closed", "README.md", False),
    ("modified", "a.txt", False),
    ("moved", ".git/refs/a.yaml", False),
    ("created", ".git", True),
    ("modified", "sub", True),
    ("closed", "..2024_01_01/a.yaml", False),
]


@pytest.mark.parametrize(("kind", "path", "folder"), IGNORED)
def test_what_is_no_manifest_is_no_reason_to_look(kind: Kind, path: str, folder: bool) -> None:  # noqa: FBT001
    """Editors' swap files, backups and locks, hidden folders, and files of other kinds."""
    assert told((kind, path), folder=folder).deadline is None
