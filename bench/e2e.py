"""File saved → the real Envoy has acknowledged, at 1,000 hosts: `isoline up` as its user has it.

`python -m bench.e2e [HOSTS]`. One Ingress a file; one file at a time is saved with its other backend. The
figures are those of the xDS server's `deliveries`: from the watcher's first sight of the change (so less the
file watcher's own delay) to the last acknowledgement. Bound: 20 ms median, and 1 kB to a Delta Envoy.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from runtime.link.link_replica import LinkReplica
from tests.support.background import Background
from tests.support.manifest import Folder, endpoints, ingress, path, rule, service
from tests.support.up import Up

EDITS = 100


def save(folder: Folder, number: int, backend: str) -> None:
    """The manifest of one host."""
    host = f"host-{number}.example.com"
    folder.write(f"{number}.yaml", ingress(f"web-{number}", rule(host, path("/", backend))))


def deliveries_of(up: Up, background: Background) -> tuple[LinkReplica, Callable[[], object]]:
    """A replica of the table that the xDS server publishes."""
    words = up.process("xds-server").cmdline()
    address = words[words.index("--publish") + 1]

    async def replica() -> LinkReplica:
        return LinkReplica(address, "deliveries")

    found = background.run(replica())
    task = asyncio.run_coroutine_threadsafe(found.run(), background.loop)
    return found, task.cancel


def delivery(replica: LinkReplica, key: str, after: float) -> dict[str, float]:
    """The delivery of `hosts/…` that the watcher saw after this time."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for row in list(dict(replica.rows).values()):
            body = orjson.loads(row.body)
            if body["at"] >= after and key in body["changed"]:
                assert body["complete"], body
                return dict(body)
        time.sleep(0.005)
    raise AssertionError(f"no delivery of {key}: {len(replica.rows)} rows")


def main() -> int:
    hosts = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    background = Background()
    with tempfile.TemporaryDirectory() as root:
        folder = Folder(Path(root) / "manifests")
        parts = [item for name in ("a", "b") for item in (service(name), endpoints(name, 9))]
        folder.write("services.yaml", *parts, ingress("both", rule("both.example.com", path("/", "b"))))
        for number in range(hosts):
            save(folder, number, "a")
        with Up(folder.root) as up:
            replica, cancel = deliveries_of(up, background)
            seen = [
                one_edit(folder, replica, number % hosts, "ba"[number // hosts % 2])
                for number in range(EDITS)
            ]
            cancel()
    background.close()
    acknowledged = [1_000 * body["seconds"] for body, _ in seen]
    saved = [1_000 * total for _, total in seen]
    rows = [
        ("seen by the watcher → acknowledged, median", "20 ms", f"{statistics.median(acknowledged):.1f} ms"),
        ("the same, 95 of 100", "", f"{sorted(acknowledged)[len(acknowledged) * 95 // 100]:.1f} ms"),
        ("file saved → acknowledged, median", "", f"{statistics.median(saved):.1f} ms"),
        ("bytes to the Envoy for one changed route", "1000", f"{max(body['bytes'] for body, _ in seen):.0f}"),
    ]
    print(f"{'at ' + str(hosts) + ' hosts, ' + str(EDITS) + ' edits':<50} {'bound':>8} {'measured':>10}")
    for figure, bound, measured in rows:
        print(f"{figure:<50} {bound:>8} {measured:>10}")
    return 0


def one_edit(
    folder: Folder, replica: LinkReplica, number: int, backend: str
) -> tuple[dict[str, float], float]:
    """Its delivery, and the seconds from the save to the acknowledgement."""
    began = time.time()
    save(folder, number, backend)
    body = delivery(replica, f"hosts/ingress_http/host-{number}.example.com", began)
    return body, body["at"] + body["seconds"] - began


if __name__ == "__main__":
    sys.exit(main())
