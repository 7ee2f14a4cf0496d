"""What a link takes: `python -m bench.link`. Publisher and replica are processes of their own.

Bounds: a new replica holds 10,000 keys of 500 bytes within 0.5 s of its start, while the table changes; one
change arrives within 1 ms in the median, from `publish` to the consumer's being woken (both processes read
the same monotonic clock).
"""

import asyncio
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from runtime.link.keys import LinkKeys, generate
from runtime.link.link_publisher import LinkPublisher
from runtime.link.link_replica import LinkReplica
from runtime.link.row import Row

KEYS, BYTES, CHANGES = 10_000, 500, 500
PORT = 19_371
# Between two changes, so that each is measured alone.
PAUSE_SECONDS = 0.004
TICKS, CHANGING = "tick", "Ingress/default/web-00000"


async def publish(address: str, keys: LinkKeys | None) -> None:
    """Publishes the table, then a change now and then that holds the time at which it was published."""
    publisher = LinkPublisher(address, ["objects", "ticks"], keys)
    rows = {
        f"Ingress/default/web-{number:05}": Row.of(b"%05d" % number * (BYTES // 5)) for number in range(KEYS)
    }
    publisher.publish("objects", puts=rows, synced=True)
    publisher.publish("ticks", synced=True)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(publisher.run())
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            body = b"%.9f" % time.monotonic()
            publisher.publish("ticks", puts={TICKS: Row.of(body.ljust(BYTES))})
            publisher.publish("objects", puts={CHANGING: Row.of(body.ljust(BYTES))})


async def snapshot(address: str, keys: LinkKeys | None) -> float:
    """Seconds from a replica's start until it holds the table."""
    replica = LinkReplica(address, "objects", "translator", keys)
    began = time.monotonic()
    task = asyncio.create_task(replica.run())
    await asyncio.wait_for(replica.changed(), 30)
    spent = time.monotonic() - began
    assert len(replica.take().puts) == KEYS
    await ended(task)
    return spent


async def latencies(address: str, keys: LinkKeys | None) -> list[float]:
    """Seconds from `publish` in the other process to `take` in this one."""
    replica = LinkReplica(address, "ticks", "translator", keys)
    task = asyncio.create_task(replica.run())
    found: list[float] = []
    while len(found) < CHANGES:
        await asyncio.wait_for(replica.changed(), 30)
        found += [time.monotonic() - float(row.body) for row in replica.take().puts.values()]
    await ended(task)
    return found[10:]  # without those that waited for the connection


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@contextlib.contextmanager
def publishing(address: str, folder: Path) -> Iterator[None]:
    child = subprocess.Popen([sys.executable, "-m", "bench.link", address, str(folder)])
    try:
        yield
    finally:
        child.terminate()
        child.wait()


def keys_of(address: str, folder: Path, own: str) -> LinkKeys | None:
    return LinkKeys.load(folder / own, own) if address.startswith("tcp") else None


def main() -> int:
    """Prints the table; 1 when a bound is broken."""
    broken = False
    print(f"{'figure':46}{'bound ms':>10}{'ipc ms':>10}{'tcp, CURVE ms':>15}")
    measured: dict[str, list[float]] = {"snapshot": [], "median": [], "99 %": []}
    with tempfile.TemporaryDirectory(prefix="link-") as place:
        folder = Path(place)
        generate(folder, ["translator", "xds_server"])
        for address in (f"ipc://{folder}/run/objects", f"tcp://127.0.0.1:{PORT}"):
            keys = keys_of(address, folder, "xds_server")
            with publishing(address, folder):
                asyncio.run(snapshot(address, keys))  # the publisher's own start is not what is measured
                measured["snapshot"].append(
                    statistics.median(asyncio.run(snapshot(address, keys)) for _ in range(9)) * 1000
                )
                found = asyncio.run(latencies(address, keys))
                measured["median"].append(statistics.median(found) * 1000)
                measured["99 %"].append(statistics.quantiles(found, n=100)[98] * 1000)
    for name, key, bound in (
        (f"a new replica gets {KEYS:,} keys of {BYTES} bytes", "snapshot", 500.0),
        ("one change arrives, median", "median", 1.0),
        ("the same, 99th percentile, for orientation", "99 %", None),
    ):
        ipc, tcp = measured[key]
        over = bound is not None and max(ipc, tcp) > bound
        broken = broken or over
        print(f"{name:46}{bound or '':>10}{ipc:10.2f}{tcp:15.2f}{'  BROKEN' if over else ''}")
    return int(broken)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        asyncio.run(publish(sys.argv[1], keys_of(sys.argv[1], Path(sys.argv[2]), "translator")))
    else:
        import structlog

        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
        sys.exit(main())
