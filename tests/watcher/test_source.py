"""The folder and its notices together: what happens where there are none to be had."""

import asyncio
import errno
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.watcher.conftest import Watched
from tests.watcher.texts import service
from watcher.files import watch
from watcher.files.source import Source
from watcher.files.tree import Place

POLLING = ".: Polling: fs.inotify.max_user_instances is used up"


def refuse() -> None:
    raise OSError(errno.EMFILE, "inotify instance limit reached")


@pytest.fixture
def no_inotify(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the limit of instances is reached; it can't be lowered for one process alone."""
    monkeypatch.setattr(watch, "_observer", refuse)


@pytest.mark.usefixtures("no_inotify")
async def test_without_notices_the_folder_is_polled_and_says_so(watched: Watched) -> None:
    """Changes are seen a second or two late; the warning names the limit."""
    watched.put("a.yaml", service("a"))
    watched.start()
    await watched.becomes(a="a.yaml:2")
    assert watched.problems == [POLLING]

    watched.put("a.yaml", service("b"))

    await watched.becomes(b="a.yaml:2")


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Source]:
    """Of a folder with one subfolder."""
    (tmp_path / "sub").mkdir()
    made = Source(str(tmp_path), lambda _notice, _now: None)
    yield made
    await asyncio.to_thread(made.close)


async def look(source: Source) -> str | None:
    """Through everything; and why there are no notices."""
    await asyncio.to_thread(source.look, None, frozenset[str]())
    return source.polling


async def test_notices_are_used_as_soon_as_there_are_any(source: Source) -> None:
    """Each look tries again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch, "_observer", refuse)
        assert await look(source) == "fs.inotify.max_user_instances is used up"

    assert await look(source) is None


async def test_a_subfolder_that_cannot_be_watched_is_enough_to_poll(source: Source) -> None:
    """The library passes over it in silence; the kernel says how many there are."""
    assert await look(source) is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch, "_watched", lambda: 1)
        assert [await look(source) for _ in range(4)] == [
            None,  # it may be new
            "fs.inotify.max_user_watches is used up",
            "fs.inotify.max_user_watches is used up",
            "fs.inotify.max_user_watches is used up",
        ]

    assert await look(source) is None
    assert await look(source) is None


async def test_a_link_that_leads_nowhere_turns_off_no_notices(source: Source, tmp_path: Path) -> None:
    """Its folder is not there, so nothing can change in it; the folder itself is watched as before."""
    (tmp_path / "x.yaml").symlink_to("/nowhere/x.yaml")

    assert await look(source) is None


@pytest.mark.parametrize("path", ["gone", "file"])
async def test_a_place_that_has_just_gone_is_not_watched_and_all_others_are(
    tmp_path: Path, path: str
) -> None:
    """Between the look and the watching it was removed, or a file took its name."""
    (tmp_path / "file").touch()
    there, gone = Place(str(tmp_path), deep=True), Place(str(tmp_path / path / "sub"), deep=False)
    followed = watch.Watch(lambda _notice, _now: None)
    try:
        await asyncio.to_thread(followed.follow, frozenset({there, gone}))

        assert followed.places == {there}
    finally:
        await asyncio.to_thread(followed.close)
