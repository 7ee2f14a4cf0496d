"""The folder and its notices together: what happens where there are none to be had."""

import asyncio
import errno
from pathlib import Path

import pytest

from tests.watcher.conftest import Watched
from tests.watcher.texts import service
from watcher import watch
from watcher.source import Source

POLLING = ".: Polling: fs.inotify.max_user_instances is used up"


@pytest.fixture
def no_inotify(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the limit of instances is reached; it can't be lowered for one process alone."""

    def refuse() -> None:
        raise OSError(errno.EMFILE, "inotify instance limit reached")

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


async def test_notices_are_used_as_soon_as_there_are_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look tries again."""
    source = Source(str(tmp_path), lambda _notice, _now: None)
    with monkeypatch.context() as patch:
        patch.setattr(watch, "_observer", lambda: (_ for _ in ()).throw(OSError(errno.EMFILE, "")))
        await asyncio.to_thread(source.look, None, frozenset[str]())
        assert source.polling == "fs.inotify.max_user_instances is used up"

    await asyncio.to_thread(source.look, None, frozenset[str]())

    assert source.polling is None
    await asyncio.to_thread(source.close)
