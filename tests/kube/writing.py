"""A process that writes to a cluster as a watcher does; what it knows it has from a look now and then."""

import asyncio
import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path

import orjson

from runtime import log
from runtime.link.link_replica import LinkReplica
from runtime.link.row import Row
from runtime.workgroup import Workgroup, main
from tests.support.program import Program
from watcher.cluster.access import Access
from watcher.cluster.answer import UnreachableError
from watcher.cluster.api import Api
from watcher.cluster.report.writer import Writer
from watcher.cluster.report.written import Written


def program(kubeconfig: Path, statuses: str, address: str, look_seconds: float = 0.1) -> Program:
    """Starts one. It writes `address`, and looks at the Ingresses of its namespace again after so long."""
    return Program(
        [sys.executable, "-m", "tests.kube.writing", kubeconfig, statuses, address, str(look_seconds)]
    )


class _Process:
    def __init__(self, kubeconfig: str, statuses: str, address: str, look_seconds: str) -> None:
        self._api = Api(Access.of_kubeconfig(kubeconfig))
        self._look_seconds = float(look_seconds)
        self._rows: dict[str, Row] = {}
        self._written: dict[str, Written] = {}
        replica = LinkReplica(statuses, "statuses")
        self._writer = Writer(
            api=self._api, rows=self._rows, written=self._written, statuses=[replica], lease="watcher"
        )
        self._writer.addresses([{"ip": address}])

    async def run(self) -> None:
        async with self._api, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._writer.run())
            while True:
                with contextlib.suppress(UnreachableError):
                    await self._look()
                await asyncio.sleep(self._look_seconds)

    async def _look(self) -> None:
        path = f"/apis/networking.k8s.io/v1/namespaces/{self._api.namespace}/ingresses"
        answer = await self._api.call("GET", path)
        if answer.status != 200:  # it has just started, and knows no rules yet
            return
        found = {_ref(body): body for body in answer.json()["items"]}
        written = {ref: Written.of(body, self._writer.manager) for ref, body in found.items()}
        changed = {
            ref for ref in written.keys() | self._written if written.get(ref) != self._written.get(ref)
        }
        self._written.clear()
        self._written.update(written)
        self._rows.clear()
        self._rows.update({ref: _row(body) for ref, body in found.items()})
        self._writer.objects_synced()
        self._writer.touch(changed)


def _ref(body: Mapping[str, Mapping[str, str]]) -> str:
    return f"Ingress/{body['metadata']['namespace']}/{body['metadata']['name']}"


def _row(body: Mapping[str, Mapping[str, str]]) -> Row:
    metadata = {key: body["metadata"][key] for key in ("name", "namespace", "uid")}
    return Row.of(
        orjson.dumps({"kind": "Ingress", "apiVersion": "networking.k8s.io/v1", "metadata": metadata})
    )


def _wire(group: Workgroup) -> None:
    log.configure("info", "writing")
    group.add("writing", _Process(*sys.argv[1:]).run)


if __name__ == "__main__":
    sys.exit(main(_wire))
