"""`isoline watcher` as a process."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from isoline.up import unix_http
from tests.support.deadline import wait_until
from tests.support.manifest import Folder, service
from tests.support.program import Program
from tests.support.up import ISOLINE
from tests.watcher.texts import BROKEN

pytestmark = pytest.mark.process


@pytest.fixture
def run_dir() -> Iterator[Path]:
    """Of a short name: the path of a unix socket has at most 107 characters."""
    path = Path(tempfile.mkdtemp(prefix="isoline-"))
    yield path
    shutil.rmtree(path)


def watcher(folder: Path, run_dir: Path) -> Program:
    where = [
        "--publish",
        f"ipc://{run_dir}/o",
        "--probe",
        f"unix:{run_dir}/p",
        "--debug",
        f"unix:{run_dir}/d",
    ]
    return Program([ISOLINE, "watcher", "--folder", folder, *where])


def ready(run_dir: Path) -> None:
    wait_until(lambda: asyncio.run(unix_http.get(run_dir / "p", "/readyz")) == (200, "ok\n"), "ready")


def test_it_is_ready_when_the_folder_is_read_and_ends_when_asked(folder: Folder, run_dir: Path) -> None:
    """Exit code 0, and nothing on stderr but its log."""
    folder.write("a.yaml", service("a"))

    with watcher(folder.root, run_dir) as program:
        ready(run_dir)

        assert program.terminate() == 0
        assert [line for line in program.stderr if not line.startswith("{")] == []


def test_its_status_tells_what_is_in_the_folder(folder: Folder, run_dir: Path) -> None:
    """Files, objects, what nobody reads, problems, and what is published."""
    folder.write("a.yaml", service("a"), {"apiVersion": "apps/v1", "kind": "Deployment"})
    folder.write_text("b.yaml", BROKEN)

    with watcher(folder.root, run_dir):
        ready(run_dir)
        _, body = asyncio.run(unix_http.get(run_dir / "d", "/debug/status"))
    status = orjson.loads(body)

    assert status["folder"] == {
        "path": str(folder.root),
        "missing": None,
        "polling": None,
        "files": 2,
        "objects": {"Service": 1},
        "ignored": {"Deployment.apps": 1},
        "problems": 1,
        "held": ["b.yaml"],
    }
    assert status["publisher"]["tables"]["objects"]["rows"] == 2


def test_a_folder_that_is_not_there_is_a_mistake_on_the_command_line(tmp_path: Path, run_dir: Path) -> None:
    """Exit code 2 and one line, before anything starts."""
    with watcher(tmp_path / "nowhere", run_dir) as program:
        assert program.exit_code() == 2
        assert program.stderr == [
            f"isoline: --folder {tmp_path}/nowhere: no such folder; name one that holds manifests"
        ]
