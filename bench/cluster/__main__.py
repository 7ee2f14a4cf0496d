"""A real API server → an xDS client, at 100, 1,000 and 10,000 hosts in one run.

`python -m bench.cluster [HOSTS] [--full]`, HOSTS being the largest size. Latency runs from the API server's
whole answer to a change until the response of the xDS server is read, both by one clock.
"""

import argparse
import asyncio
import gc
import ssl
import sys
import time

import yaml

from bench.cluster import host
from bench.cluster.api import Api, all_at_once
from bench.cluster.size import Extent, Figure, Size
from tests.kube.apiserver.assets import Assets, Step
from tests.kube.cluster import Cluster

SIZES = (100, 1_000, 10_000)
SHORT = Extent(changes=20, pause=0.5, steady=5, mixed=10, idle=10)
FULL = Extent(changes=100, pause=1, steady=30, mixed=60, idle=20)


async def grow(api: Api, before: int, hosts: int) -> str:
    """Makes the objects of more hosts; says how long it took."""
    began = time.monotonic()
    await all_at_once(api.create, (item for number in range(before, hosts) for item in host.objects(number)))
    return f"made in {time.monotonic() - began:.0f} s"


async def run(cluster: Cluster, sizes: list[int], extent: Extent) -> list[list[Figure]]:
    """The figures of each size, the sizes growing in one cluster."""
    kubeconfig = cluster.kubeconfig()
    token = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]["token"]
    found = []
    async with Api(cluster.url, ssl.create_default_context(cafile=cluster.ca), token) as api:
        for before, hosts in zip([0, *sizes], sizes, strict=False):
            print(f"{hosts:,} hosts: {await grow(api, before, hosts)}", flush=True)
            gc.collect()
            gc.freeze()
            found.append([figure async for figure in Size(kubeconfig, api, hosts, extent).figures()])
    return found


def table(sizes: list[int], found: list[list[Figure]]) -> None:
    """One row for each figure, one column for each size."""
    print(f"{'from a real API server to an xDS client':<46} {'bound':>9}", *(f"{size:>9,}" for size in sizes))
    for row in zip(*found, strict=True):
        name, unit = row[0].name, row[0].unit
        bound = unit if row[0].bound is None else f"{row[0].bound:g} {unit}"
        missed = "" if all(figure.met for figure in row) else "  MISSED"
        print(f"{name:<46} {bound:>9}", *(f"{_short(f.measured):>9}" for f in row), end=missed)
        print()


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 100 or number == round(number) else f"{number:.2f}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.cluster")
    parser.add_argument("hosts", nargs="?", type=int, default=SIZES[-1])
    parser.add_argument("--full", action="store_true", help="as long as the bounds are meant for: 20 minutes")
    given = parser.parse_args()
    assets = Assets.here()
    if assets.step is not Step.USE:
        print(assets.why or "no kube-apiserver yet: run `make apiserver`")
        return 0
    sizes = [size for size in SIZES if size < given.hosts] + [given.hosts]
    extent = FULL if given.full else SHORT
    print(extent)
    with Cluster(assets.folder) as cluster:
        found = asyncio.run(run(cluster, sizes, extent))
    table(sizes, found)
    return 0 if all(figure.met for figures in found for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
