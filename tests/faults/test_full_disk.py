"""The run directory's disk is full: what runs goes on, and what ends can start again."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import HOST
from tests.support.manifest import Folder
from tests.support.up import ROLES, Up

pytestmark = [pytest.mark.envoy, pytest.mark.process]


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 256 KiB with a short path; needs the right to mount."""
    path = Path(tempfile.mkdtemp(prefix="disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", path], capture_output=True, check=False
    )
    if mounted.returncode:
        path.rmdir()
        pytest.skip("no right to mount a small disk")
    yield path
    subprocess.run(["umount", "--lazy", path], check=True)
    path.rmdir()


def fill(disk: Path) -> None:
    """Writes until there is no room for one byte more."""
    with (disk / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def test_a_full_disk_stops_no_edit_and_no_restart(
    folder: Folder, shop: Callable[[str], None], small_disk: Path
) -> None:
    """A socket needs no room for its content."""
    with Up(folder.root, run_dir=small_disk / "run") as up:
        up.becomes("a", HOST)
        fill(small_disk)

        up.kill(*ROLES)
        shop("b")

        up.becomes("b", HOST)


@pytest.mark.usefixtures("shop")
def test_a_disk_that_is_full_from_the_start_is_one_clear_line(folder: Folder, small_disk: Path) -> None:
    """It names the run directory."""
    fill(small_disk)
    up = Up(folder.root, run_dir=small_disk / "run")

    up.launch()

    with up.program:
        assert up.program.exit_code() in {2, 3}
        assert len(up.program.stderr) == 1, up.program
        assert str(up.run_dir) in up.program.stderr[0]
