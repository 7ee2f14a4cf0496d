"""What every suite shares: hypothesis profiles, example backends, proof that no process is left behind."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

from tests.support.backend import Backend
from tests.support.background import Background
from tests.support.manifest import Folder
from tests.support.program import kill_all

# `ci` repeats the same examples each time, so that a red build is red for everybody; `soak` searches on.
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "ci", max_examples=1_000, deadline=None, derandomize=True, print_blob=True, suppress_health_check=_SLOW
)
settings.register_profile("fast", settings.get_profile("ci"), max_examples=100)
settings.register_profile("soak", settings.get_profile("ci"), max_examples=10_000, derandomize=False)
settings.register_profile("fuzz", settings.get_profile("soak"), max_examples=30_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# Every process that a test starts inherits it, whoever its parent is by the end.
_MARK = "TESTS_OF_ISOLINE"


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_heard() -> None:
    """By the programs that tests start, too: what a shell without job control starts in the background
    ignores it, and so does all that inherits from that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def no_process_is_left_behind() -> Iterator[None]:
    """At the end of the session nothing runs that a test has started, directly or not."""
    mark = str(uuid.uuid4())
    os.environ[_MARK] = mark

    yield

    left = [process for process in psutil.process_iter() if _mark_of(process) == mark]
    told = [f"{process.pid} {' '.join(process.cmdline())}" for process in left if process.is_running()]
    kill_all(left)
    assert told == []


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(_MARK)
    except (psutil.Error, OSError):
        return None


@pytest.fixture(scope="session")
def background() -> Iterator[Background]:
    """A loop in a thread, for backends and load."""
    loop = Background()
    yield loop
    loop.close()


@pytest.fixture
def backend(background: Background) -> Iterator[Callable[..., Backend]]:
    """`backend(name)` starts an example backend that lasts as long as the test."""
    with ExitStack() as stack:
        yield lambda name, **options: stack.enter_context(Backend(background, name, **options))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty folder of manifests."""
    return Folder(tmp_path / "manifests")
