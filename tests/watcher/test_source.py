"""The folder and its notices together: what happens where there are none to be had."""

import asyncio
import errno
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.watcher.conftest import Watched
from tests.watcher.texts import service
from watcher import watch
from watcher.source import Source

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
