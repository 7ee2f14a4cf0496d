"""`isoline watcher --kubeconfig` as a process, and whether what it publishes is what the cluster holds."""

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

from runtime.link.link_replica import LinkReplica
from tests.kube.client import Client
from tests.support.background import Background
from tests.support.deadline import wait_until
from tests.support.program import Program
from tests.support.up import ISOLINE

if TYPE_CHECKING:
    from concurrent.futures import Future

    from runtime.link.row import Row

# What every cluster has, and a watcher of one namespace publishes.
KINDS = ("Ingress", "Service", "EndpointSlice", "Secret")
# What such a watcher lists: these, Secrets by two types, IngressClasses and TLSCertificateDelegations.
SOURCES = 7


class Followed:
    """A watcher of the namespace of `kube`, by this kubeconfig; the `with` block starts it. `rows` are what
    it publishes, `gone` what it has ever taken from them.
    """

    def __init__(
        self, background: Background, kube: Client, kubeconfig: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.rows: Mapping[str, Row] = {}
        self.gone: set[str] = set()
        self.began = 0.0
        """By time.monotonic()."""
        self.program: Program
        self._background = background
        self._kube = kube
        self._env = env
        self._run_dir = Path(tempfile.mkdtemp(prefix="isoline-"))  # the path of a unix socket is short
        self._publish = f"ipc://{self._run_dir}/objects"
        sockets = [f"--{name}=unix:{self._run_dir}/{name}" for name in ("probe", "debug")]
        source: list[str | Path] = ["--kubeconfig", kubeconfig, "--watch-namespace", kube.namespace]
        self._command = [ISOLINE, "watcher", *source, "--publish", self._publish, *sockets]
        self._following: Future[None]

    def __enter__(self) -> Self:
        self.began = time.monotonic()
        self.program = Program(self._command, self._env)
        self._following = asyncio.run_coroutine_threadsafe(self._follow(), self._background.loop)
        return self

    def __exit__(self, *_error: object) -> None:
        self._following.cancel()
        self.program.__exit__()
        shutil.rmtree(self._run_dir)

    async def _follow(self) -> None:
        replica = LinkReplica(self._publish, "objects")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(replica.run())
            while True:
                await replica.changed()
                self.gone |= replica.take().deletes
                self.rows = dict(replica.rows)

    def catches_up(self) -> None:
        """Waits until what it publishes of the namespace is what there is in it."""

        def same() -> bool:
            assert not self._following.done(), self._following
            there = stored(self._kube)
            rows = {ref: row for ref, row in self.rows.items() if ref.startswith(KINDS)}
            apart = sorted(rows.keys() ^ there.keys())
            assert not apart, f"{len(apart)} objects are published or stored alone, {apart[:3]}"
            stale = [ref for ref, row in rows.items() if not _within(json.loads(row.body), there[ref])]
            assert not stale, f"{len(stale)} objects are published otherwise than stored, {stale[:3]}"
            return True

        wait_until(same, "what is published is what is stored", of=[self.program])

    @property
    def seconds(self) -> float:
        """Since its start."""
        return time.monotonic() - self.began

    def is_ready(self) -> bool:
        """What its probe says; OSError while it says nothing."""
        return self._get("probe", "/readyz").startswith("ok")

    @property
    def waits_for(self) -> str:
        """Why it is not ready, in its own words."""
        return self._get("probe", "/readyz")

    @property
    def lists(self) -> dict[str, int]:
        """How many lists it has begun, by source, of kinds that the cluster has."""
        found = json.loads(self._get("debug", "/debug/status"))["cluster"]["sources"]
        return {each["source"]: each["lists"] for each in found if each["state"] != "missing"}

    def _get(self, socket: str, path: str) -> str:
        transport = httpx.HTTPTransport(uds=str(self._run_dir / socket))
        try:
            with httpx.Client(transport=transport, base_url="http://watcher") as client:
                return client.get(path).text
        except httpx.TransportError as error:
            raise OSError(repr(error)) from error


def stored(kube: Client) -> dict[str, Any]:
    """The objects of the namespace that matter, by the reference that a watcher gives them."""
    found = {
        f"{kind}/{kube.namespace}/{item['metadata']['name']}": {"kind": kind, **item}
        for kind in KINDS
        for item in kube.list(kind)
    }
    return {ref: item for ref, item in found.items() if item.get("type") != "Opaque"}


def _within(part: Any, whole: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether all that is kept of an object is as it is stored; the version of its API stands in no list."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            key == "apiVersion" or (key in whole and _within(value, whole[key]))
            for key, value in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) == len(whole) and all(map(_within, part, whole))
    return bool(part == whole)
