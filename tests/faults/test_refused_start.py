"""What keeps `isoline up` from starting is one line that says what is wrong; nothing is left behind."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.manifest import Folder
from tests.support.program import Program
from tests.support.up import ISOLINE, Up

pytestmark = pytest.mark.process


def refusal(up: Up) -> tuple[int, str]:
    """Exit code and the one line that `up` leaves on stderr; it has started nothing that lasts."""
    up.launch()
    with up.program:
        code = up.program.exit_code()
        assert up.program.stdout == []
        assert len(up.program.stderr) == 1, up.program
        assert up.program.family() == []
        return code, up.program.stderr[0]


@contextmanager
def taken(port: int, option: int = socket.SO_REUSEADDR) -> Iterator[None]:
    """Somebody listens at this port of 127.0.0.1."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, option, 1)
        holder.bind(("127.0.0.1", port))
        holder.listen()
        yield


@pytest.fixture
def up(folder: Folder) -> Iterator[Up]:
    """Not started."""
    up = Up(folder.root)
    yield up
    up.__exit__()


@pytest.mark.parametrize("name", ["http", "https", "stats"])
def test_a_port_in_use_is_named(up: Up, name: str) -> None:
    """With the flag that chooses another."""
    port = {"http": up.http_port, "https": up.https_port, "stats": up.stats_port}[name]

    with taken(port):
        code, line = refusal(up)

    assert code == 3
    assert re.search(rf"{port}.*in use", line)
    assert f"--{name}-port" in line


def test_a_port_that_is_shared_is_in_use_too(up: Up) -> None:
    """Another Envoy holds its ports with SO_REUSEPORT: a second one would take half of its connections."""
    with taken(up.http_port, socket.SO_REUSEPORT):
        assert re.search(rf"{up.http_port}.*in use", refusal(up)[1])


def test_a_missing_folder_is_named(up: Up, tmp_path: Path) -> None:
    """Exit code 2: unreadable input."""
    up.folder = tmp_path / "nowhere"

    code, line = refusal(up)

    assert (code, str(up.folder) in line) == (2, True)


def test_a_file_in_place_of_a_folder_is_named(up: Up, tmp_path: Path) -> None:
    """Exit code 2: unreadable input."""
    up.folder = tmp_path / "file.yaml"
    up.folder.touch()

    code, line = refusal(up)

    assert (code, str(up.folder) in line) == (2, True)


@pytest.mark.parametrize("binary", ["/nowhere/envoy", "/etc/passwd"])
def test_a_missing_envoy_binary_is_named(folder: Folder, binary: str) -> None:
    """A path where nothing is, and one that cannot be run."""
    up = Up(folder.root, "--envoy", binary)

    code, line = refusal(up)

    assert code in {2, 3}
    assert binary in line


def test_an_unwritable_run_directory_is_named(up: Up, tmp_path: Path) -> None:
    """Below a file nobody can write, not even root."""
    (tmp_path / "file").touch()
    up.run_dir = tmp_path / "file" / "run"

    code, line = refusal(up)

    assert code in {2, 3}
    assert str(up.run_dir) in line


def test_a_run_directory_in_use_is_refused(folder: Folder, up: Up) -> None:
    """Two writers would take each other's sockets away."""
    with Up(folder.root) as first:
        up.run_dir = first.run_dir
        code, line = refusal(up)

        assert code in {2, 3}
        assert str(first.run_dir) in line
        assert first.answers("nobody.example.com") == "404"


def test_a_wrong_flag_is_one_line_and_no_process_stays(folder: Folder) -> None:
    """Exit code 2: wrong usage."""
    with Program([ISOLINE, "up", folder.root, "--http-prot", "8080"]) as program:
        assert program.exit_code() == 2
        assert "--http-prot" in program.stderr[-1]
        assert not psutil.pid_exists(program.pid)
