"""An API server with a world in it, and the three processes that follow it."""

import json
import ssl
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any, Self

import psutil

from bench.cluster import world
from tests.kube.cluster import Cluster
from tests.support.pipeline import Pipeline

LOADERS = 6
ROLES = ("watcher", "translator", "xds-server")


class Asker:
    """One connection to the API server, as lean as can be: it shares two cores with what is measured."""

    def __init__(self, cluster: Cluster) -> None:
        tls = ssl.create_default_context(cafile=cluster.ca)
        self._connection = HTTPSConnection(cluster.address, cluster.port, context=tls)
        self._headers = {"Authorization": f"Bearer {cluster.token()}", "Accept": "application/json"}

    def ask(self, method: str, path: str, body: object, content_type: str = "application/json") -> float:
        """When the answer was there, by time.monotonic()."""
        headers = {**self._headers, "Content-Type": content_type}
        self._connection.request(method, path, json.dumps(body), headers)
        answer = self._connection.getresponse()
        said = answer.read()
        assert answer.status < 300, said
        return time.monotonic()

    def patch(self, path: str, change: object) -> float:
        """A merge patch."""
        return self.ask("PATCH", path, change, "application/merge-patch+json")


class Rig:
    """`hosts` of the world in an API server; `start` and `stop` the three processes."""

    def __init__(self, assets: Path, hosts: int) -> None:
        self.hosts = hosts
        self._stack = ExitStack()
        self.cluster = self._stack.enter_context(Cluster(assets))
        self.asker = Asker(self.cluster)
        self.loading = self._load(world.objects(hosts))
        self.pipeline: Pipeline
        self._processes: list[psutil.Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def _load(self, objects: Iterable[tuple[str, Any]]) -> float:
        """Seconds that it took."""
        began, rest, lock = time.monotonic(), iter(objects), threading.Lock()

        def load() -> None:
            asker = Asker(self.cluster)
            while True:
                with lock:
                    found = next(rest, None)
                if found is None:
                    return
                asker.ask("POST", *found)

        threads = [threading.Thread(target=load) for _ in range(LOADERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.monotonic() - began

    def start(self) -> None:
        """Starts the three, which write nothing: no --statuses."""
        self.pipeline = self._stack.enter_context(Pipeline(kubeconfig=self.cluster.kubeconfig()))
        self.pipeline.start(*ROLES)
        self._processes = [psutil.Process(self.pipeline.programs[role].pid) for role in ROLES]

    def cpu(self) -> list[float]:
        """Seconds of CPU that each has used, by the scheduler's own count: psutil's ticks are 10 ms."""
        return [
            sum(
                int(task.read_text().split()[0])
                for task in Path(f"/proc/{each.pid}/task").glob("*/schedstat")
            )
            / 1e9
            for each in self._processes
        ]

    def memory(self) -> list[float]:
        """MiB that each has to itself, and its share of what is shared (PSS)."""
        return [process.memory_full_info().pss / 2**20 for process in self._processes]
