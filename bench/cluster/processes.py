"""What processes have used."""

from collections.abc import Iterable
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Processes:
    """Some, by their ids."""

    pids: tuple[int, ...]

    @classmethod
    def of(cls, pids: Iterable[int]) -> "Processes":
        return cls(tuple(pids))

    def seconds(self) -> float:
        """Of CPU so far, user and system, in all of them."""
        times = [psutil.Process(pid).cpu_times() for pid in self.pids]
        return float(sum(each.user + each.system for each in times))

    def memory(self) -> tuple[float, float]:
        """MiB: resident in all of them (RSS), and that with what they share counted once (PSS)."""
        found = [psutil.Process(pid).memory_full_info() for pid in self.pids]
        return sum(each.rss for each in found) / 2**20, sum(each.pss for each in found) / 2**20
