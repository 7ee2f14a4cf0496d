"""All figures of one size."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from bench.cluster import host
from bench.cluster.api import Api
from bench.cluster.envoy import Envoy
from bench.cluster.load import Load
from bench.cluster.processes import Processes
from tests.support.pipeline import Pipeline

ROLES = ("watcher", "translator", "xds-server")
BURST = 1_000
COLD_SECONDS = 120.0
LOOK_SECONDS = 0.1
LISTENERS = 2  # of HTTP and of HTTPS, with a route configuration each


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured: single changes of a kind, with so many seconds between two on average; the
    seconds of 20 changes a second, of 100, and of none.
    """

    changes: int
    pause: float
    steady: float
    mixed: float
    idle: float


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, and the most that it may be, both in `unit`; None: for orientation."""

    name: str
    bound: float | None
    unit: str
    measured: float

    @property
    def met(self) -> bool:
        return self.bound is None or self.measured <= self.bound


class Size:
    """So many hosts, whose objects are in the API server: three processes are started, measured and ended."""

    def __init__(self, kubeconfig: Path, api: Api, hosts: int, extent: Extent) -> None:
        self._kubeconfig = kubeconfig
        self._api = api
        self._hosts = hosts
        self._extent = extent
        self._idle = 0.0  # of one core, in the last moments without a change

    async def figures(self) -> AsyncIterator[Figure]:
        """One after another, in the same order at each size."""
        with Pipeline(kubeconfig=self._kubeconfig) as pipeline, Envoy(pipeline.address) as envoy:
            began = time.monotonic()
            pipeline.start(*ROLES)
            took, lacking = await self._whole(envoy)
            yield Figure("cold start: all processes → Envoy has all", 10, "s", took - began)
            yield Figure("  types whose first answer lacks something", 0, "", len(lacking))
            processes = Processes(tuple(program.pid for program in pipeline.programs.values()))
            load = Load(self._api, envoy, self._hosts)
            await load.paced(host.KINDS, 40, 0.02)  # the first changes are slower, as in any program
            self._idle = await self._measured_idle(processes)
            yield Figure("CPU while nothing happens, of one core", 1, "%", 100 * self._idle)
            for kind, bounds in (("Ingress", (5, 20, 5)), ("EndpointSlice", (4, 15, 3))):
                async for figure in self._single(kind, bounds, load, processes):
                    yield figure
            async for figure in self._many(load):
                yield figure
            rss, pss = processes.memory()
            yield Figure("memory after all that (PSS)", 450, "MiB", pss)
            yield Figure("  with shared pages in each process (RSS)", None, "MiB", rss)

    async def _whole(self, envoy: Envoy) -> tuple[float, list[str]]:
        """When an Envoy has everything, and the types whose first answer had not."""
        secure = len(range(0, self._hosts, host.TLS_EVERY))
        wanted = {
            "clusters": self._hosts,
            "endpoints": self._hosts,
            "listeners": LISTENERS,
            "routes": LISTENERS,
            "hosts": self._hosts + secure,
            "secrets": secure,
        }
        first: dict[str, int] = {}
        held: set[str] = set()
        looked, end = 0, time.monotonic() + COLD_SECONDS
        while len(held) < sum(wanted.values()):
            assert time.monotonic() < end, f"not whole within {COLD_SECONDS:g} s: {first} of {wanted}"
            await asyncio.sleep(LOOK_SECONDS)
            envoy.look()
            for arrival in envoy.arrivals[looked:]:
                first.setdefault(arrival.type, len(arrival.marks))
                held.update(arrival.marks)
            looked = len(envoy.arrivals)
        return envoy.arrivals[-1].at, [type_ for type_, count in wanted.items() if first[type_] < count]

    async def _measured_idle(self, processes: Processes) -> float:
        began, before = time.monotonic(), processes.seconds()
        await asyncio.sleep(self._extent.idle)
        return (processes.seconds() - before) / (time.monotonic() - began)

    async def _single(
        self, kind: str, bounds: tuple[float, float, float], load: Load, processes: Processes
    ) -> AsyncIterator[Figure]:
        """What is used while nothing happens, several times the cost of a change a second, is measured before
        and after.
        """
        began, before = time.monotonic(), processes.seconds()
        seen = await load.paced([kind], self._extent.changes, self._extent.pause)
        took, spent = time.monotonic() - began, processes.seconds() - before
        idle, self._idle = self._idle, await self._measured_idle(processes)
        spent -= took * (idle + self._idle) / 2
        half, most, cpu = bounds
        yield Figure(f"one {kind} changed, p50", half, "ms", 1e3 * seen.percentile(50))
        yield Figure("  p99", most, "ms", 1e3 * seen.percentile(99))
        yield Figure("  CPU", cpu, "ms", 1e3 * spent / self._extent.changes)
        if kind == "Ingress":
            yield Figure("  bytes", 1_000, "B", max(seen.bytes))

    async def _many(self, load: Load) -> AsyncIterator[Figure]:
        steady = await load.paced(["EndpointSlice"], round(20 * self._extent.steady), 1 / 20)
        yield Figure("20 EndpointSlices a second, p99", 20, "ms", 1e3 * steady.percentile(99))
        mixed = await load.paced(host.KINDS, round(100 * self._extent.mixed), 1 / 100)
        yield Figure("100 mixed changes a second, p99", 100, "ms", 1e3 * mixed.percentile(99))
        burst = await load.burst("EndpointSlice", BURST)
        yield Figure("1,000 EndpointSlices at once, the last", 0.5, "s", burst.last)
        lost = steady.lost | mixed.lost | burst.lost
        yield Figure("objects whose last change was lost", 0, "", len(lost))
