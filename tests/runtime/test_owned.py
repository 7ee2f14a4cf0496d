import os
import socket
from pathlib import Path

import pytest

from runtime.owned import owned
from runtime.start_error import StartError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ours alone."""
    (tmp_path / "run").mkdir(mode=0o700)
    return tmp_path / "run"


def refused(path: Path) -> str:
    """Why the path can't be had."""
    with pytest.raises(StartError) as caught, owned(path):
        pass
    return str(caught.value)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    """Who can reach the socket can read private keys; the line says what to do."""
    tmp_path.chmod(0o755)

    assert refused(tmp_path / "objects") == (
        f"{tmp_path} is open to other users (mode 0755), and private keys travel over its sockets:"
        f" chmod 700 {tmp_path}"
    )


def test_a_folder_of_another_user_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner could let anybody in."""
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)

    assert refused(folder / "objects") == (
        f"{folder} belongs to another user, and private keys travel over its sockets"
    )


def test_what_a_killed_process_has_left_stops_nobody(folder: Path) -> None:
    """The kernel drops the lock with its process; the socket is removed. A live one keeps both."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "objects"))
    (folder / "objects.lock").write_text("1\n")

    with owned(folder / "objects"):
        assert names(folder) == {"objects.lock"}
        assert refused(folder / "objects") == f"{folder}/objects is in use by another process ({os.getpid()})"

    assert names(folder) == set()


def test_what_is_no_socket_stays_and_is_told(folder: Path) -> None:
    """It isn't ours: a mistyped path costs nobody a file."""
    (folder / "notes.txt").write_text("mine")
    (folder / "sub").mkdir()

    for name in ("notes.txt", "sub"):
        assert refused(folder / name) == f"{folder}/{name}: what is there is no socket"

    assert (folder / "notes.txt").read_text() == "mine"
    assert names(folder) == {"notes.txt", "sub"}


def test_a_lock_that_cannot_be_had_is_one_line(folder: Path) -> None:
    """It names the file."""
    (folder / "objects.lock").mkdir()

    assert refused(folder / "objects") == f"{folder}/objects.lock: Is a directory"
