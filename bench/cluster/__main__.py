"""What a change in a real API server costs until an xDS client has it.

`python -m bench.cluster [HOSTS ...]`, 100 1000 10000 by default. `--long` takes as long as the bounds say (30
and 60 seconds at a rate, 60 single changes), else it is a third of that.
"""

import sys
import time

from bench.cluster.changes import Changes, percentile
from bench.cluster.listener import Listener
from bench.cluster.rig import ROLES, Rig
from tests.kube.apiserver.assets import Assets, Step

IDLE_SECONDS = 20.0


def main() -> int:
    found = Assets.here()
    if found.step is not Step.USE:
        print(found.why or "no kube-apiserver yet: run `make apiserver`")
        return 0
    sizes = [int(word) for word in sys.argv[1:] if word.isdigit()] or [100, 1_000, 10_000]
    for hosts in sizes:
        with Rig(found.folder, hosts) as rig:
            measure(rig, 1.0 if "--long" in sys.argv else 1 / 3)
    return 0


def measure(rig: Rig, length: float) -> None:
    """Prints one table."""
    tell(f"{rig.hosts} hosts, loaded in {rig.loading:.0f} s", "bound", "measured")
    began = time.monotonic()
    rig.start()
    rig.pipeline.listens()
    listener = Listener(rig.pipeline.address, rig.hosts)
    try:
        changes = Changes(rig, listener)
        first = changes.first()
        tell("cold start → first whole answer", "10 s", f"{first.whole - began:.1f} s")
        tell("answers that lacked something", "0", str(first.lacking))
        time.sleep(2.0)
        idle = rig.cpu()
        time.sleep(IDLE_SECONDS * length)
        spent = sum(rig.cpu()) - sum(idle)
        tell("CPU idle", "1 %", f"{100 * spent / (IDLE_SECONDS * length):.2f} %")
        each = ", ".join(f"{role} {part:.0f}" for role, part in zip(ROLES, rig.memory(), strict=True))
        tell(f"memory (PSS): {each}", "450 MiB", f"{sum(rig.memory()):.0f} MiB")
        count = int(60 * length)
        for name, change, bounds in (
            ("Ingress", changes.ingress, "5 ms; 20 ms; 5 ms"),
            ("EndpointSlice", changes.slice, "4 ms; 15 ms; 3 ms"),
        ):
            before = rig.cpu()
            answers, size = changes.single(change, count)
            each = [(now - then) / count for now, then in zip(rig.cpu(), before, strict=True)]
            used = sum(each) - spent / (IDLE_SECONDS * length)
            tell(
                f"{name} change, one a second: p50; p99; CPU",
                bounds,
                f"{ms(percentile(answers, 50))}; {ms(percentile(answers, 99))}; {ms(used)}",
            )
            parts = ", ".join(f"{role} {ms(part)}" for role, part in zip(ROLES, each, strict=True))
            tell(f"  of each process, idle included: {parts}", "", "")
            if name == "Ingress":
                tell("bytes for one changed path", "1 kB", f"{size} B")
        answers = changes.rate(changes.slice, 20.0, 30 * length)
        tell(f"20 slice changes a second for {30 * length:.0f} s: p99", "20 ms", ms(percentile(answers, 99)))
        answers = changes.rate(changes.mixed, 100.0, 60 * length)
        tell(
            f"100 mixed changes a second for {60 * length:.0f} s: p99", "100 ms", ms(percentile(answers, 99))
        )
        tell("1,000 slice patches at once → the last, after its answer", "0.5 s", ms(changes.burst(1_000)))
        tell("memory at the end", "450 MiB", f"{sum(rig.memory()):.0f} MiB")
    finally:
        listener.close()


def tell(figure: str, bound: str, measured: str) -> None:
    print(f"{figure:<78} {bound:>18} {measured:>26}", flush=True)


def ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
