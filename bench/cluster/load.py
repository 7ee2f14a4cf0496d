"""Changes made through the API at a pace or at once, and when an Envoy has them."""

import asyncio
import math
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.cluster import host
from bench.cluster.api import Api, all_at_once
from bench.cluster.envoy import Envoy

# After the last write; far above every bound.
DEADLINE_SECONDS = 10.0
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Write:
    """An object was given a mark; `answered` is when the API server's whole answer was there."""

    resource: str
    mark: int
    answered: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of writes: `latencies` in seconds, from the answer to the response (0 where that came
    first, infinite where none came); `bytes` of the response in which each arrived; `last` how long after the
    last answer the last one had arrived; `lost` resources that do not show what was written last.
    """

    latencies: Sequence[float]
    bytes: Sequence[int]
    last: float
    lost: frozenset[str]

    def percentile(self, of_hundred: int) -> float:
        """Of the latencies; so many of a hundred are at most this."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) * of_hundred // 100, len(ordered) - 1)]


@dataclass(slots=True)
class Load:
    """Writes to the objects of so many hosts, each kind's in turn, so that no object is written twice at
    once.
    """

    api: Api
    envoy: Envoy
    hosts: int
    _turns: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def paced(self, kinds: Sequence[str], count: int, pause: float) -> Seen:
        """So many, one each so many seconds on average, whether or not those before are answered."""
        writes: list[Write] = []
        due = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for turn in range(count):
                await asyncio.sleep(due - time.monotonic())
                tasks.create_task(self._write(*self._next(kinds[turn % len(kinds)]), writes))
                # Not in step with anything that comes twice a second.
                due += pause * random.uniform(0.5, 1.5)
        return await self._seen(writes)

    async def burst(self, kind: str, count: int) -> Seen:
        """So many as fast as the API server takes them."""
        writes: list[Write] = []
        planned = [self._next(kind) for _ in range(count)]
        await all_at_once(lambda each: self._write(*each, writes), planned)
        return await self._seen(writes)

    def _next(self, kind: str) -> tuple[str, int, int]:
        step = host.TLS_EVERY if kind == "Secret" else 1
        number = self._turns[kind] * step % self.hosts
        self._turns[kind] += 1
        return kind, number, next(self.api.marks)

    async def _write(self, kind: str, number: int, mark: int, writes: list[Write]) -> None:
        answered = await self.api.patch(kind, number, mark)
        writes.append(Write(host.resource(kind, number), mark, answered))

    async def _seen(self, writes: Sequence[Write]) -> Seen:
        """Waits until all has arrived, or for the deadline."""
        newest: dict[str, int] = {}
        for write in writes:
            newest[write.resource] = max(write.mark, newest.get(write.resource, 0))
        start, end = len(self.envoy.arrivals), time.monotonic() + DEADLINE_SECONDS
        held: dict[str, int] = {}
        looked = start
        while (lost := _behind(newest, held)) and time.monotonic() < end:
            await asyncio.sleep(LOOK_SECONDS)
            self.envoy.look()
            for arrival in self.envoy.arrivals[looked:]:
                held.update(arrival.marks)
            looked = len(self.envoy.arrivals)
        found = list(self._found(writes, start))
        latencies = [max(at - write.answered, 0.0) for (at, _), write in zip(found, writes, strict=True)]
        last = max(at for at, _ in found) - max(write.answered for write in writes)
        return Seen(latencies, [size for _, size in found], max(last, 0.0), frozenset(lost))

    def _found(self, writes: Sequence[Write], start: int) -> Iterator[tuple[float, int]]:
        """(when, bytes) of the first response that shows each write, or a later one to the object."""
        shown: dict[str, list[tuple[int, float, int]]] = defaultdict(list)
        for arrival in self.envoy.arrivals[start:]:
            for resource, mark in arrival.marks.items():
                shown[resource].append((mark, arrival.at, arrival.bytes))
        for write in writes:
            found = ((at, size) for mark, at, size in shown[write.resource] if mark >= write.mark)
            yield next(found, (math.inf, 0))


def _behind(newest: Mapping[str, int], held: Mapping[str, int]) -> list[str]:
    return [resource for resource, mark in newest.items() if held.get(resource) != mark]
