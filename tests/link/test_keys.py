import asyncio
import stat
from pathlib import Path

import pytest
import zmq.utils.z85

from runtime.link.allow_list import answer
from runtime.link.keys import LinkKeys, generate
from runtime.link.link_publisher import LinkPublisher
from runtime.link.link_replica import LinkReplica
from runtime.start_error import StartError
from tests.link.running import holds, running, synced, table, until
from tests.support.port import free_port


def keys(place: Path, name: str) -> LinkKeys:
    return LinkKeys.load(place / name, name)


async def test_a_peer_with_its_key_is_served(place: Path) -> None:
    """CURVE at both ends; each knows the other's public key."""
    generate(place, ["translator", "xds_server"])
    address = f"tcp://127.0.0.1:{free_port()}"
    publisher = LinkPublisher(address, ["resources"], keys(place, "translator"))
    replica = LinkReplica(address, "resources", "translator", keys(place, "xds_server"))

    async with running(publisher, replica):
        publisher.publish("resources", puts=table(a="1"), synced=True)

        await holds(replica, a="1")


def mixed(right: LinkKeys, foreign: LinkKeys, wrong: str) -> LinkKeys | None:
    return {
        "its own": LinkKeys(foreign.public, foreign.secret, right.peers, right.folder),
        "the publisher's": LinkKeys(right.public, right.secret, foreign.peers, right.folder),
        "none": None,
    }[wrong]


@pytest.mark.parametrize("wrong", ["its own", "the publisher's", "none"])
async def test_a_peer_without_its_key_gets_nothing(place: Path, wrong: str) -> None:
    """A key that is not on the list, a wrong idea of the publisher's, and no key at all: no handshake, no
    data, while an allowed replica is served beside it.
    """
    generate(place, ["translator", "xds_server"])
    generate(place / "foreign", ["translator", "xds_server"])
    right, foreign = keys(place, "xds_server"), keys(place / "foreign", "xds_server")
    address = f"tcp://127.0.0.1:{free_port()}"
    publisher = LinkPublisher(address, ["resources"], keys(place, "translator"))
    allowed = LinkReplica(address, "resources", "translator", right)
    refused = LinkReplica(address, "resources", "translator", mixed(right, foreign, wrong))
    publisher.publish("resources", puts=table(a="1"), synced=True)

    async with running(publisher, refused):
        if wrong == "its own":
            await until(lambda: publisher.status()["peers_refused"], "the key is refused")
        async with running(allowed):
            await holds(allowed, a="1")
            publisher.publish("resources", puts=table(a="2"))
            await holds(allowed, a="2")

    assert (synced(refused), dict(refused.rows), refused.status()["heard_seconds_ago"]) == (False, {}, None)


@pytest.mark.parametrize(
    ("mechanism", "credentials", "code"),
    [
        (b"CURVE", [b"k" * 32], b"200"),
        (b"CURVE", [b"l" * 32], b"400"),
        (b"CURVE", [b"k"], b"400"),
        (b"CURVE", [], b"400"),
        (b"NULL", [], b"400"),
        (b"PLAIN", [b"user", b"password"], b"400"),
    ],
)
def test_only_curve_with_an_allowed_key_may_connect(
    mechanism: bytes, credentials: list[bytes], code: bytes
) -> None:
    """Questions of libzmq and our answers by ZAP, RFC 27."""
    allowed = frozenset({zmq.utils.z85.encode(b"k" * 32)})

    reply = answer([b"1.0", b"7", b"isoline", b"10.0.0.1", b"", mechanism, *credentials], allowed)

    assert [reply[0], reply[1], reply[2], *reply[4:]] == [b"1.0", b"7", code, b"", b""]


def test_secret_keys_are_for_their_owner_alone_and_never_shown(place: Path) -> None:
    """Mode 0600; neither repr nor a peer's folder has them."""
    generate(place, ["translator", "xds_server"])
    own = keys(place, "translator")

    assert stat.S_IMODE((place / "translator/translator.key_secret").stat().st_mode) == 0o600
    assert own.secret.decode() not in repr(own)
    assert own.secret.decode() not in (place / "xds_server/peers/translator.key").read_text()
    assert own.peers == {"xds_server": keys(place, "xds_server").public}


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("translator.key_secret", None, "translator.key_secret: does not exist"),
        ("translator.key_secret", "", "translator.key_secret is no key in ZeroMQ's certificate format"),
        ("translator.key_secret", 'public-key = "short"', "translator.key_secret is no key in ZeroMQ's"),
        ("translator.key_secret", "public-key", "translator.key_secret is no key in ZeroMQ's"),
        ("translator.key_secret", f'public-key = "{"x" * 40}"', "translator.key_secret holds no secret key"),
        ("peers/xds_server.key", "\udcff", "xds_server.key is no key in ZeroMQ's certificate format"),
        ("peers/xds_server.key", None, "no peer's public key in "),
    ],
)
def test_keys_that_cannot_be_read_are_a_clear_line(
    place: Path, file: str, text: str | None, line: str
) -> None:
    """It names flag and file."""
    generate(place, ["translator", "xds_server"])
    path = place / "translator" / file
    path.unlink()
    if text is not None:
        path.write_text(text, errors="surrogateescape")

    with pytest.raises(StartError, match="^--link-keys: .*" + line):
        keys(place, "translator")


async def test_a_replica_whose_peer_has_no_key_is_refused_at_start(place: Path) -> None:
    """It could never connect."""
    generate(place, ["translator", "xds_server"])
    await asyncio.sleep(0)

    with pytest.raises(StartError, match=r"peers/watcher\.key does not exist"):
        LinkReplica("tcp://10.0.0.1:5000", "objects", "watcher", keys(place, "translator"))
