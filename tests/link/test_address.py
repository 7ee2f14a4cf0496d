import pytest

from runtime.link.address import Address
from runtime.link.link_publisher import LinkPublisher
from runtime.link.link_replica import LinkReplica
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
