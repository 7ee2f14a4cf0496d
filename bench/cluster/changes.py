"""Changes through the API server, and when each of them was in the client's hands."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryResponse

from bench.cluster import world
from bench.cluster.listener import Listener, Seen, type_url
from bench.cluster.rig import Rig
from tests.support.deadline import wait_until

# Makes a change and says when its answer was there, and by which bytes it is known in a response.
Change = Callable[[int], tuple[float, bytes]]


@dataclass(frozen=True)
class First:
    """When the client had everything first, and how many responses before lacked something of their type."""

    whole: float
    lacking: int


class Changes:
    """Each change is known by a mark of its own; `_number` counts them, over all hosts in turn."""

    def __init__(self, rig: Rig, listener: Listener) -> None:
        self._rig = rig
        self._listener = listener
        self._number = 0

    def first(self) -> First:
        """Waits for everything."""
        wanted = {"clusters": self._rig.hosts, "endpoints": self._rig.hosts, "hosts": self._rig.hosts}
        held: dict[str, set[str]] = {name: set() for name in wanted}
        names = {type_url(name): name for name in wanted}
        at, lacking = 0.0, 0

        def whole() -> bool:
            nonlocal at, lacking
            for when, url, body in self._listener.take():
                if url in names:
                    response = DeltaDiscoveryResponse.FromString(body)
                    held[names[url]].update(resource.name for resource in response.resources)
                    lacking += len(response.removed_resources) > 0
                at = when
            return all(len(held[name]) >= count for name, count in wanted.items())

        self._rig.pipeline.until(whole, "the client has everything")
        return First(at, lacking)

    def ingress(self, number: int) -> tuple[float, bytes]:
        """Another second path."""
        mark = f"/mark-{number}-end"
        path = f"{world.INGRESSES}/i-{number % self._rig.hosts}"
        backend = {"service": {"name": f"s-{number % self._rig.hosts}", "port": {"number": 80}}}
        paths = [{"path": each, "pathType": "Prefix", "backend": backend} for each in ("/", mark)]
        rules = [{"host": world.host(number % self._rig.hosts), "http": {"paths": paths}}]
        return self._rig.asker.patch(path, {"spec": {"rules": rules}}), mark.encode()

    def slice(self, number: int) -> tuple[float, bytes]:
        """Another second address."""
        path = f"{world.SLICES}/s-{number % self._rig.hosts}-1"
        changed = world.endpoints(number % self._rig.hosts, number)["endpoints"]
        return self._rig.asker.patch(path, {"endpoints": changed}), world.marked(number).encode()

    def mixed(self, number: int) -> tuple[float, bytes]:
        """A slice three times of four, else an Ingress."""
        return self.slice(number) if number % 4 else self.ingress(number)

    def single(self, change: Change, count: int) -> tuple[list[float], int]:
        """One a second: seconds from each answer to its response, and the largest response's bytes."""
        latencies, size = [], 0
        for _ in range(count):
            began = time.monotonic()
            answered, mark = change(self._next())
            when, body = self._wait(mark)
            latencies.append(max(0.0, when - answered))
            size = max(size, len(body))
            time.sleep(max(0.0, began + 1.0 - time.monotonic()))
        return latencies, size

    def rate(self, change: Change, per_second: float, seconds: float) -> list[float]:
        """So many a second, whether or not the others have arrived; each of them must."""
        began, made = time.monotonic(), []
        for turn in range(int(per_second * seconds)):
            time.sleep(max(0.0, began + turn / per_second - time.monotonic()))
            made.append(change(self._next()))
        return self._arrived(made)

    def burst(self, count: int) -> float:
        """As fast as one connection can: seconds from the last answer to the last response."""
        made = [self.slice(self._next()) for _ in range(count)]
        return self._arrived(made[-1:])[-1]

    def _arrived(self, made: list[tuple[float, bytes]]) -> list[float]:
        seen: Seen = []
        last = made[-1][1]

        def there() -> bool:
            seen.extend(self._listener.take())
            return any(last in body for _, _, body in seen[-200:])

        wait_until(there, "the last change arrives")
        time.sleep(0.5)
        seen.extend(self._listener.take())
        latencies = []
        for answered, mark in made:
            when = next((when for when, _, body in seen if mark in body), None)
            assert when is not None, f"{mark!r} was lost"
            latencies.append(max(0.0, when - answered))
        return latencies

    def _wait(self, mark: bytes) -> tuple[float, bytes]:
        end = time.monotonic() + 60.0
        while time.monotonic() < end:
            for when, _, body in self._listener.take():
                if mark in body:
                    return when, body
            time.sleep(0.01)
        raise AssertionError(f"{mark!r} never came")

    def _next(self) -> int:
        self._number += 1
        return self._number


def percentile(values: list[float], percent: int) -> float:
    """That value under which so many of a hundred are."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
