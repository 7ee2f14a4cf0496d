"""The run directory: private, of one run at a time, cleared of what a killed run has left."""

import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from isoline.up.run_dir import opened
from runtime.start_error import StartError


def left_over(path: Path) -> None:
    """A socket that nobody listens at."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def test_a_temporary_one_is_private_and_gone_at_the_end() -> None:
    """With all that is in it."""
    with opened(None) as run_dir:
        (run_dir.path / "x").touch()
        assert stat.S_IMODE(run_dir.path.stat().st_mode) == 0o700

    assert not run_dir.path.exists()


def test_a_named_one_is_made_private_and_stays(tmp_path: Path) -> None:
    """Its sockets and the start file are removed; the access log stays to be read."""
    with opened(tmp_path / "a" / "run") as run_dir:
        assert stat.S_IMODE(run_dir.path.stat().st_mode) == 0o700
        left_over(run_dir.xds)
        run_dir.start_file.touch()
        run_dir.access_log.touch()

    assert {path.name for path in run_dir.path.iterdir()} == {"access.log"}


def test_what_a_killed_run_has_left_is_cleared(tmp_path: Path) -> None:
    """And nothing that is not ours."""
    tmp_path.chmod(0o700)
    for name in ("admin", "objects", "xds-server.debug"):
        left_over(tmp_path / name)
    for name in ("objects.lock", "lock", "envoy.json", "uv.lock", "web.yaml"):
        (tmp_path / name).write_text("1\n")

    with opened(tmp_path):
        assert {path.name for path in tmp_path.iterdir()} == {"lock", "uv.lock", "web.yaml"}


def test_a_second_run_is_refused(tmp_path: Path) -> None:
    """It names the process that has it; afterwards it may be had again."""
    path = tmp_path / "run"
    with opened(path):
        left_over(path / "admin")
        message = rf"--run-dir {path} is in use by another process \({os.getpid()}\)"
        with pytest.raises(StartError, match=message), opened(path):
            pass
        assert (path / "admin").exists()

    with opened(path):
        pass


def test_one_that_others_may_look_into_is_refused(tmp_path: Path) -> None:
    """Private keys travel over its sockets."""
    tmp_path.chmod(0o755)

    with pytest.raises(StartError, match=rf"mode 0755.*chmod 700 {tmp_path}"), opened(tmp_path):
        pass


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    """Before anything is made."""
    path = tmp_path / ("x" * 100)

    with pytest.raises(StartError, match="too long a path for unix sockets"), opened(path):
        pass
    assert not path.exists()


def test_one_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """Below a file."""
    (tmp_path / "file").touch()

    with (
        pytest.raises(StartError, match=r"--run-dir .*file/run: Not a directory"),
        opened(tmp_path / "file/run"),
    ):
        pass


def test_what_is_no_socket_stays_and_is_told(tmp_path: Path) -> None:
    """A folder of the user's own files is no place for a run."""
    tmp_path.chmod(0o700)
    (tmp_path / "resources").write_text("mine")

    with (
        pytest.raises(StartError, match=f"^--run-dir {tmp_path}/resources: what is there is no socket$"),
        opened(tmp_path),
    ):
        pass

    assert (tmp_path / "resources").read_text() == "mine"


@pytest.mark.parametrize("named", [True, False])
def test_an_error_of_the_run_is_not_told_as_one_of_its_directory(tmp_path: Path, *, named: bool) -> None:
    """Another folder would not mend it."""
    tmp_path.chmod(0o700)

    with pytest.raises(OSError, match="Too many open files"), opened(tmp_path if named else None):
        raise OSError(errno.EMFILE, "Too many open files")
