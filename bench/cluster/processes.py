"""What processes have used."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

_CPUCLOCK_SCHED = 2


@dataclass(frozen=True, slots=True)
class Processes:
    """Some, by their ids."""

    pids: tuple[int, ...]

    @classmethod
    def of(cls, pids: Iterable[int]) -> "Processes":
        return cls(tuple(pids))

    def seconds(self) -> float:
        """Of CPU so far, user and system, in all of them, to the nanosecond: the kernel has a clock of each
        process (clock_getcpuclockid(3)). /proc counts in steps of 10 ms, which is what three changes cost.
        """
        return sum(time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED) for pid in self.pids)

    def memory(self) -> tuple[float, float]:
        """MiB: resident in all of them (RSS), and that with what they share counted once (PSS)."""
        found = [psutil.Process(pid).memory_full_info() for pid in self.pids]
        return sum(each.rss for each in found) / 2**20, sum(each.pss for each in found) / 2**20
