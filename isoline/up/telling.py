"""What `isoline up` says on stderr: problems as they come and go, and what became of each change."""

from collections.abc import Iterator
from typing import Any

import orjson

from isoline.output import counted
from isoline.place import Places
from isoline.problem import told
from runtime.link.row import Change

SHOWN = 3


class Problems:
    """Problems that stand now. Lines come out for those that are new, and for those that are gone."""

    def __init__(self, places: Places, *, colours: bool = False) -> None:
        self._places = places
        self._colours = colours
        self._told: dict[str, dict[tuple[str, ...], str]] = {}

    def apply(self, change: Change) -> Iterator[str]:
        """Takes a change of the table `statuses`; of each object what is resolved comes first."""
        self._places.forget()
        for ref in sorted({*change.deletes, *change.puts}):
            before, now = self._told.pop(ref, {}), {}
            row = change.puts.get(ref)
            for each in told(ref, row.body) if row is not None else ():
                if each.same not in before:
                    now[each.same] = each.problem(self._places.line_of).text(colours=self._colours)
                else:
                    now[each.same] = before[each.same]
            if now:
                self._told[ref] = now
            yield from (f"resolved: {line}" for same, line in before.items() if same not in now)
            yield from (line for same, line in now.items() if same not in before)


class Rejections:
    """What Envoy refuses and no object is to blame for: the others are told as their objects' problems."""

    BLAMED = ("hosts/", "clusters/", "endpoints/")

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def apply(self, change: Change) -> Iterator[str]:
        """Takes a change of the table `rejections`."""
        for key in sorted(change.deletes & self._told.keys()):
            yield f"resolved: {self._told.pop(key)}"
        for key, row in sorted(change.puts.items()):
            body = orjson.loads(row.body)
            line = f"Envoy refuses {body['resource']}: {' '.join(str(body['message']).split())}"
            if not str(body["resource"]).startswith(self.BLAMED) and self._told.get(key) != line:
                self._told[key] = line
                yield line


def deliveries(change: Change) -> Iterator[str]:
    """Lines for new rows of the table `deliveries`, the oldest first."""
    bodies = [orjson.loads(row.body) for row in change.puts.values()]
    for body in sorted(bodies, key=lambda body: float(body["at"])):
        yield _delivery(body)


def _delivery(body: dict[str, Any]) -> str:
    """`hosts/ingress_http/shop.example.com: 1 resource, 195 bytes, acknowledged after 12 ms`."""
    changed = [str(key) for key in body["changed"]]
    sent, removed = int(body["resources"]), int(body.get("removed", 0))
    more = max(sent + removed, len(changed)) - SHOWN
    what = ", ".join(changed[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    parts = [counted(sent, "resource")] if sent or not removed else []
    parts += [f"{removed} removed"] if removed else []
    parts += [f"{int(body['bytes'])} bytes"]
    envoys = f" by {body['envoys']} Envoys" if body["envoys"] > 1 else ""
    seconds = float(body["seconds"])
    took = f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
    parts += [
        f"acknowledged{envoys} after {took}" if body["complete"] else f"not acknowledged{envoys} after {took}"
    ]
    return f"{what}: {', '.join(parts)}"
