from pathlib import Path

import pytest

from runtime.link.address import Address, owned
from runtime.link.edge import LinkPublisher, LinkReplica
from runtime.start_error import StartError


@pytest.mark.parametrize(
    "text",
    [
        *("", "ipc://relative", "ipc://", "inproc://x", "http://host:80", "host:80", "ipc:///" + "x" * 107),
        *("tcp://host", "tcp://:80", "tcp://host:port", "tcp://host:65536", "tcp://host:٣"),
        *("tcp://a..b:80", f"tcp://{'a' * 64}.b:80"),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """The line names it."""
    with pytest.raises(StartError, match="^" + text[:20]):
        Address.parse(text)


@pytest.mark.parametrize("host", ["10.0.0.1", "*", "[::]", "translator", "localhost.example.com"])
def test_tcp_beyond_loopback_without_keys_is_refused_at_both_ends(host: str) -> None:
    """TLS private keys travel on a link, so nothing starts that would carry them in clear."""
    address = f"tcp://{host}:5000"

    for start in (
        lambda: LinkPublisher(address, ["objects"]),
        lambda: LinkReplica(address, "objects"),
    ):
        with pytest.raises(StartError, match=r"is beyond loopback.*--link-keys"):
            start()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "[::1]"])
def test_loopback_needs_no_keys(host: str) -> None:
    """Nobody beyond this machine can reach it."""
    assert Address.parse(f"tcp://{host}:5000").private


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    """Who can reach the socket can read private keys; the line says what to do."""
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)

    with (
        pytest.raises(StartError, match=rf"open to other users \(mode 0755\).*chmod 700 {folder}"),
        owned(folder / "objects"),
    ):
        pass


def test_a_lock_left_by_a_killed_process_is_free(tmp_path: Path) -> None:
    """The kernel drops the lock with its process; the files it leaves stop nobody."""
    folder = tmp_path / "link"
    folder.mkdir(mode=0o700)
    for name in ("objects", "objects.lock"):
        (folder / name).touch()

    with owned(folder / "objects"):
        assert [path.name for path in folder.iterdir()] == ["objects.lock"]
        with pytest.raises(StartError, match="in use by another process"), owned(folder / "objects"):
            pass
