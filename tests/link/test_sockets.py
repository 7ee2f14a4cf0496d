import asyncio
import os
import stat
from pathlib import Path

import pytest

from runtime.link.link_publisher import LinkPublisher
from runtime.link.link_replica import LinkReplica
from runtime.link.row import Row
from runtime.start_error import StartError
from tests.link.running import holds, ipc, running, synced, table, until
from tests.support.port import free_port


@pytest.mark.parametrize("scheme", ["ipc", "tcp"])
async def test_a_replica_holds_what_is_published(place: Path, scheme: str) -> None:
    """Rows, changes and deletions arrive, over either transport."""
    address = ipc(place) if scheme == "ipc" else f"tcp://127.0.0.1:{free_port()}"
    publisher, replica = LinkPublisher(address, ["objects"]), LinkReplica(address, "objects")
    async with running(publisher, replica):
        publisher.publish("objects", puts=table(a="1", b="2"), synced=True)
        await holds(replica, a="1", b="2")

        publisher.publish("objects", puts=table(a="3"), deletes=["b"], at=5.0)
        await holds(replica, a="3")

        change = replica.take()
        assert (change.puts, change.deletes, change.synced) == (table(a="3"), {"b"}, True)


@pytest.mark.parametrize("first", ["publisher", "replica"])
async def test_the_order_of_start_does_not_matter(place: Path, first: str) -> None:
    """Each waits for the other."""
    publisher = LinkPublisher(ipc(place), ["objects"])
    replica = LinkReplica(ipc(place), "objects")
    publisher.publish("objects", puts=table(a="1"), synced=True)
    parts = (publisher, replica) if first == "publisher" else (replica, publisher)
    async with running(parts[0]):
        if first == "publisher":
            await until((place / "link/objects").exists, "the socket is there")

        async with running(parts[1]):
            await holds(replica, a="1")


async def test_tables_on_one_address_are_apart(place: Path) -> None:
    """A replica gets its own table, and its own alone; each table has a sequence of its own."""
    publisher = LinkPublisher(ipc(place), ["resources", "resources2"])
    one, two = LinkReplica(ipc(place), "resources"), LinkReplica(ipc(place), "resources2")
    async with running(publisher, one, two):
        publisher.publish("resources", puts=table(a="1"), synced=True)
        await holds(one, a="1")
        assert not synced(two)

        publisher.publish("resources2", puts=table(b="2"), synced=True)
        publisher.publish("resources2", puts=table(b="3"))
        await holds(two, b="3")

        assert dict(one.rows) == table(a="1")
        assert (one.status()["sequence"], two.status()["sequence"]) == (1, 2)


async def test_an_empty_complete_table_is_told(place: Path) -> None:
    """Empty is a value: the consumer is woken, and knows that this is all."""
    publisher, replica = LinkPublisher(ipc(place), ["objects"]), LinkReplica(ipc(place), "objects")
    async with running(publisher, replica):
        publisher.publish("objects", synced=True)
        await asyncio.wait_for(replica.changed(), 30)
        change = replica.take()
        assert (change.puts, change.deletes, change.synced) == ({}, frozenset(), True)

        publisher.publish("objects", puts=table(a="1"))
        await asyncio.wait_for(replica.changed(), 30)
        replica.take()
        publisher.publish("objects", deletes=["a"])
        await asyncio.wait_for(replica.changed(), 30)
        assert replica.take().deletes == {"a"}


async def test_a_batch_of_ten_thousand_rows_is_applied_whole(place: Path) -> None:
    """More than fits in any queue: it is one change at the other end."""
    publisher, replica = LinkPublisher(ipc(place), ["objects"]), LinkReplica(ipc(place), "objects")
    async with running(publisher, replica):
        publisher.publish("objects", synced=True)
        await asyncio.wait_for(replica.changed(), 30)
        replica.take()
        rows = {f"key-{number}": Row.of(b"%d" % number * 100) for number in range(10_000)}

        publisher.publish("objects", puts=rows)
        await asyncio.wait_for(replica.changed(), 30)

        assert replica.take().puts == rows


async def test_a_replica_that_falls_behind_takes_a_snapshot(place: Path) -> None:
    """What a full queue drops is noticed and made good: here the loop is never free to read."""
    publisher, replica = LinkPublisher(ipc(place), ["objects"]), LinkReplica(ipc(place), "objects")
    async with running(publisher, replica):
        publisher.publish("objects", puts=table(a="1"), synced=True)
        await holds(replica, a="1")

        for number in range(10_000):
            publisher.publish("objects", puts={"a": Row.of(b"%d" % number * 20)})
        publisher.publish("objects", puts=table(a="last"))

        await holds(replica, a="last")
        assert replica.status()["resyncs"] >= 1


async def test_a_socket_is_for_its_owner_alone_and_leaves_nothing_behind(place: Path) -> None:
    """Folder 0700, socket 0700, whatever the umask; both files are gone after a clean end."""
    publisher = LinkPublisher(ipc(place), ["objects"])
    umask = os.umask(0)
    try:
        async with running(publisher):
            await until((place / "link/objects").exists, "the socket is there")
            assert stat.S_IMODE((place / "link").stat().st_mode) == 0o700
            assert stat.S_IMODE((place / "link/objects").stat().st_mode) == 0o700
    finally:
        os.umask(umask)

    assert list((place / "link").iterdir()) == []


async def test_a_second_publisher_on_a_live_address_is_refused(place: Path) -> None:
    """ZeroMQ would let it steal the address in silence; the first one goes on."""
    first, replica = LinkPublisher(ipc(place), ["objects"]), LinkReplica(ipc(place), "objects")
    async with running(first, replica):
        first.publish("objects", puts=table(a="1"), synced=True)
        await holds(replica, a="1")

        with pytest.raises(StartError, match="link/objects is in use by another process"):
            await LinkPublisher(ipc(place), ["objects"]).run()

        first.publish("objects", puts=table(a="2"))
        await holds(replica, a="2")


async def test_a_taken_port_is_refused_in_a_clear_line() -> None:
    """The address stands in it."""
    address = f"tcp://127.0.0.1:{free_port()}"
    async with running(LinkPublisher(address, ["objects"])):
        await asyncio.sleep(0)
        with pytest.raises(StartError, match=rf"{address}: Address (already )?in use"):
            await LinkPublisher(address, ["objects"]).run()


async def test_a_mistake_of_ours_ends_the_process(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in a core isn't logged and passed over: both ends' `run` raise it."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("runtime.link.publisher.Publisher.answer", broken)
    publisher, replica = LinkPublisher(ipc(place), ["objects"]), LinkReplica(ipc(place), "objects")
    publisher.publish("objects", synced=True)
    following = asyncio.create_task(replica.run())
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(publisher.run(), 30)

    monkeypatch.undo()
    monkeypatch.setattr("runtime.link.replica.Replica.receive", broken)
    async with running(LinkPublisher(ipc(place), ["objects"])):
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(following, 30)


async def test_status_says_where_a_replica_stands(place: Path) -> None:
    """For /debug/status: epoch and sequence agree at both ends, and the heartbeat is fresh."""
    publisher, replica = LinkPublisher(ipc(place), ["objects"]), LinkReplica(ipc(place), "objects")
    async with running(publisher, replica):
        publisher.publish("objects", puts=table(a="1"), synced=True, held=frozenset({"web.yaml"}))
        await holds(replica, a="1")

        far, near = publisher.status()["tables"]["objects"], replica.status()

        assert far == {**far, "sequence": 1, "synced": True, "rows": 1, "held": ["web.yaml"]}
        assert near == {**near, "epoch": far["epoch"], "sequence": 1, "synced": True, "rows": 1, "refused": 0}
        assert near["connected"] == ipc(place)
        assert near["heard_seconds_ago"] < 5
