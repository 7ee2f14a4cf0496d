"""The translator: CPU of one change at 100 and at 10,000 hosts, and of the first whole table, with its
memory.
"""

import gc
import resource
import statistics
import subprocess
import sys
import time

import orjson

from runtime.link.row import Change, Row
from translator.settings import Settings
from translator.translator import Translator

HOSTS = 10_000
FEW = 100
ENDPOINTS = 3  # the pods of a usual Service
REPEATS = 400
NOTHING: frozenset[str] = frozenset()


def ingress(number: int, path: str = "/") -> tuple[str, Row]:
    """An Ingress with one host."""
    backend = {"service": {"name": f"web-{number}", "port": {"number": 80}}}
    rule = {
        "host": f"h{number}.example.com",
        "http": {"paths": [{"path": path, "pathType": "Prefix", "backend": backend}]},
    }
    return _row("Ingress", "networking.k8s.io/v1", f"web-{number}", {"spec": {"rules": [rule]}})


def service(number: int) -> tuple[str, Row]:
    """Its Service."""
    spec = {"ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}]}
    return _row("Service", "v1", f"web-{number}", {"spec": spec})


def slice_(number: int, salt: int = 0) -> tuple[str, Row]:
    """Its EndpointSlice."""
    addresses = [f"10.{number // 250}.{number % 250}.{at + salt}" for at in range(1, ENDPOINTS + 1)]
    rest = {
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [
            {"addresses": [a], "conditions": {"ready": True}, "nodeName": "node-1", "zone": "z1"}
            for a in addresses
        ],
    }
    return _row("EndpointSlice", "discovery.k8s.io/v1", f"web-{number}", rest)


def _row(kind: str, version: str, name: str, rest: dict[str, object]) -> tuple[str, Row]:
    metadata = {
        "name": name,
        "namespace": "default",
        "uid": f"{name:0>36}",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"app": name, "kubernetes.io/service-name": name},
    }
    body = {"kind": kind, "apiVersion": version, "metadata": metadata} | rest
    return f"{kind}/default/{name}", Row.of(bytes(memoryview(orjson.dumps(body))))


def table(hosts: int) -> dict[str, Row]:
    """So many of each kind."""
    return dict(make(number) for number in range(hosts) for make in (ingress, service, slice_))


def one_change(core: Translator, change: tuple[str, Row]) -> float:
    """Seconds of CPU for one change."""
    began = time.process_time()
    core.apply(Change(dict([change]), NOTHING, synced=True))
    return time.process_time() - began


def changes() -> list[tuple[str, float, float]]:
    """(name, median at FEW, median at HOSTS) of each kind of change, measured in turn."""
    cores = {}
    for hosts in (FEW, HOSTS):
        cores[hosts] = Translator(Settings())
        cores[hosts].apply(Change(table(hosts), NOTHING, synced=True))
    gc.collect()
    gc.freeze()
    found = []
    for name, make in (
        ("one changed Ingress", lambda at: ingress(at % FEW, f"/v{at}")),
        ("one changed EndpointSlice", lambda at: slice_(at % FEW, 1 + at % 200)),
    ):
        spent: dict[int, list[float]] = {FEW: [], HOSTS: []}
        for at in range(REPEATS):
            for hosts, core in cores.items():
                spent[hosts].append(one_change(core, make(at)))
        found.append((name, statistics.median(spent[FEW]), statistics.median(spent[HOSTS])))
    return found


def first_table() -> None:
    """In a process of its own: CPU seconds of the first whole table, and the memory of the process in MiB."""
    rows = table(HOSTS)
    core = Translator(Settings())
    began = time.process_time()
    core.apply(Change(rows, NOTHING, synced=True))
    spent = time.process_time() - began
    print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Prints the table; exits 1 when a bound is missed."""
    run = subprocess.run(
        [sys.executable, "-m", "bench.translator", "first"], capture_output=True, text=True, check=True
    )
    seconds, memory = map(float, run.stdout.split())
    rows = [
        (f"first whole table, {HOSTS:,} hosts, CPU", "5 s", f"{seconds:.2f} s", seconds <= 5),
        ("  memory of that process", "250 MiB", f"{memory:.0f} MiB", memory <= 250),
    ]
    for (name, few, many), bound in zip(changes(), (1e-3, 0.3e-3), strict=True):
        rows.append(
            (f"{name}, {HOSTS:,} against {FEW} hosts", "1.5 x", f"{many / few:.2f} x", many <= 1.5 * few)
        )
        rows.append(("  the same, absolute", f"({bound * 1e3:g} ms)", f"{many * 1e3:.2f} ms", True))
    print(f"{'translator':<55} {'bound':>10} {'measured':>10}")
    for name, limit, measured, met in rows:
        print(f"{name:<55} {limit:>10} {measured:>10}{'' if met else '  MISSED'}")
    if not all(met for *_, met in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    first_table() if sys.argv[1:] == ["first"] else main()
