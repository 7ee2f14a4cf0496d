import asyncio
import socket
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq

from runtime.link import frames
from runtime.link.keys import LinkKeys, generate
from runtime.link.link_publisher import LinkPublisher
from runtime.link.link_replica import LinkReplica
from runtime.link.row import Row
from tests.link.running import holds, ipc, running, synced, table, until
from tests.support.port import free_port
from tests.support.program import Program

# A process that publishes one row, and then lives until it is killed.
PUBLISHER = """
import asyncio, sys
from runtime.link.link_publisher import LinkPublisher
from runtime.link.row import Row
publisher = LinkPublisher(sys.argv[1], ["objects"])
publisher.publish("objects", puts={"a": Row.of(sys.argv[2].encode())}, synced=True)
asyncio.run(publisher.run())
"""


@pytest.fixture
def stranger() -> Iterator["zmq.Context[Any]"]:
    """ZeroMQ without our code, for peers that are broken or hostile."""
    context: zmq.Context[Any] = zmq.Context()
    yield context
    context.destroy(linger=0)


def publishing(address: str, body: str) -> Program:
    return Program([sys.executable, "-c", PUBLISHER, address, body])


@pytest.mark.process
@pytest.mark.parametrize("scheme", ["ipc", "tcp"])
async def test_a_killed_publisher_is_replaced_and_takes_over_what_it_left(place: Path, scheme: str) -> None:
    """Socket and lock are left behind; the next one takes them over, and the replica, which has kept what it
    had, follows it.
    """
    address = ipc(place) if scheme == "ipc" else f"tcp://127.0.0.1:{free_port()}"
    replica = LinkReplica(address, "objects")
    async with running(replica):
        with publishing(address, "1") as first:
            await holds(replica, a="1")
            first.kill()
        assert scheme == "tcp" or (place / "link/objects").exists()
        assert dict(replica.rows) == table(a="1")

        with publishing(address, "2"):
            await holds(replica, a="2")


async def test_a_restart_that_changes_nothing_is_invisible_downstream(place: Path) -> None:
    """The epoch is another, the rows are the same: the consumer hears nothing."""
    replica = LinkReplica(ipc(place), "objects")
    epochs = set()
    async with running(replica):
        for _ in range(3):
            publisher = LinkPublisher(ipc(place), ["objects"])
            publisher.publish("objects", puts=table(a="1"), synced=True)
            async with running(publisher):
                epoch = publisher.status()["tables"]["objects"]["epoch"]
                await until(lambda e=epoch: replica.status()["epoch"] == e, "the replica follows")  # type: ignore[misc]
            epochs.add(epoch)
        assert replica.take().puts == table(a="1")
        assert len(epochs) == 3
        assert replica.status()["snapshots"] == 3


async def test_a_replica_that_never_reads_costs_its_publisher_bounded_memory(
    place: Path, stranger: "zmq.Context[Any]"
) -> None:
    """600 MB are published past a stuck reader: about 64 MiB of them may wait, and others are served."""
    publisher, replica = LinkPublisher(ipc(place), ["objects"]), LinkReplica(ipc(place), "objects")
    async with running(publisher, replica):
        stuck = stranger.socket(zmq.SUB)
        stuck.set(zmq.RCVHWM, 1)
        stuck.subscribe(b"")
        publisher.publish("objects", puts=table(a="1"), synced=True)
        await holds(replica, a="1")
        stuck.connect(ipc(place))
        await until(lambda: stuck.poll(0), "the stuck reader is connected")
        before, most = psutil.Process().memory_info().rss, 0
        for number in range(10_000):
            publisher.publish("objects", puts={"a": Row.of(b"%06d" % number * 10_000)})
            most = max(most, psutil.Process().memory_info().rss)
            await asyncio.sleep(0)

        assert most - before < 160 * 1024 * 1024
        publisher.publish("objects", puts=table(a="2"))
        await holds(replica, a="2")
        stuck.close()


async def test_garbage_from_a_peer_does_not_touch_a_publisher(
    place: Path, stranger: "zmq.Context[Any]"
) -> None:
    """Wrong requests are counted; a message beyond the longest request ends that connection alone."""
    publisher, replica = LinkPublisher(ipc(place), ["objects"]), LinkReplica(ipc(place), "objects")
    publisher.publish("objects", puts=table(a="1"), synced=True)
    hostile = stranger.socket(zmq.XSUB)
    wrong = [b"", b"\x02", b"\x02{}", b"\xff" * 99, frames.request(frames.Request("none", "i", 1, 1))]
    async with running(publisher, replica):
        await holds(replica, a="1")
        hostile.connect(ipc(place))
        for message in wrong:
            hostile.send(message)
        hostile.send(frames.request(frames.Request("objects", "i", 1, 1 << 60)))
        await until(lambda: publisher.status()["refused"] == 5, "all are counted")

        hostile.send(b"\x02" + b"x" * 10_000_000)
        publisher.publish("objects", puts=table(a="2"))
        await holds(replica, a="2")
        hostile.close()


async def test_garbage_from_a_publisher_does_not_touch_a_replica(
    place: Path, stranger: "zmq.Context[Any]"
) -> None:
    """It is counted, and the replica follows the right publisher when that is there."""
    replica = LinkReplica(ipc(place), "objects")
    (place / "link").mkdir(mode=0o700)
    wrong = stranger.socket(zmq.XPUB)
    wrong.bind(ipc(place))
    topic = frames.table_topic("objects")
    async with running(replica):
        for message in ([topic], [topic, b""], [topic, b"", b"\x09" * 40], [topic, b"", b"{}", b""]):
            await until(lambda: wrong.poll(0), "the replica has subscribed")
            wrong.send_multipart(message)
        await until(lambda: replica.status()["refused"] == 4, "all are counted")
        wrong.close()

        publisher = LinkPublisher(ipc(place), ["objects"])
        publisher.publish("objects", puts=table(a="1"), synced=True)
        async with running(publisher):
            await holds(replica, a="1")


def two_addresses(resolve: Any, host: Any, *rest: Any, **more: Any) -> list[Any]:  # noqa: ANN401
    """As the resolver answers, with two addresses for one name."""
    hosts = ["127.0.0.1", "127.0.0.2"] if host == "translator.test" else [host]
    return [entry for each in hosts for entry in resolve(each, *rest, **more)]


async def test_a_replica_goes_to_the_next_address_when_its_publisher_falls_silent(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name has two addresses: it is followed at one of them, and at the other when that is lost."""
    port = free_port()
    monkeypatch.setattr(socket, "getaddrinfo", partial(two_addresses, socket.getaddrinfo))
    generate(place, ["translator", "xds_server"])
    own, peer = (
        LinkKeys.load(place / "translator", "translator"),
        LinkKeys.load(place / "xds_server", "xds_server"),
    )
    first, second = (LinkPublisher(f"tcp://127.0.0.{host}:{port}", ["resources"], own) for host in (1, 2))
    replica = LinkReplica(f"tcp://translator.test:{port}", "resources", "translator", peer)
    for publisher in (first, second):
        publisher.publish("resources", puts=table(a="1"), synced=True)
    async with running(second, replica):
        async with running(first):
            await holds(replica, a="1")
            assert replica.status()["connected"] == f"tcp://127.0.0.1:{port}"
        replica.take()
        await until(lambda: replica.status()["snapshots"] == 2, "the other one is followed")

        assert replica.status()["connected"] == f"tcp://127.0.0.2:{port}"
        assert (replica.take().puts, synced(replica)) == ({}, True)


async def test_waiting_for_a_publisher_that_is_long_lost_costs_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over ipc there is no other to go to: the replica looks again every LOOK_SECONDS, not all the time."""
    looks: list[float] = []
    monkeypatch.setattr("runtime.link.replica.LOST_SECONDS", 0.0)
    monkeypatch.setattr("runtime.link.link_replica.LOOK_SECONDS", 0.1)
    monkeypatch.setattr("runtime.link.replica.Replica.requests", lambda _, now: looks.append(now) or [])

    async with running(LinkReplica(ipc(place), "objects")):
        await until(lambda: len(looks) >= 4, "four looks")

    assert looks[3] - looks[0] >= 0.29
