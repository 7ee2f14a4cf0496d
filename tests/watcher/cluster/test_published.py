"""The watcher over a cluster as it is wired, and what a replica of its table holds."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from runtime.link.link_replica import LinkReplica
from runtime.workgroup import Workgroup
from tests.watcher.cluster import answers
from tests.watcher.cluster.api_server import ApiServer
from tests.watcher.cluster.bodies import secret, service
from tests.watcher.cluster.following import kubeconfig
from watcher.cluster.run import wire
from watcher.cluster.settings import Settings

DEADLINE_SECONDS = 20.0


class Published:
    """A watcher that may be started again, and a replica that goes on."""

    def __init__(self, folder: Path, server: ApiServer) -> None:
        publish = f"ipc://{folder}/o"
        self.server = server
        self.gone: set[str] = set()
        self._settings = Settings(kubeconfig=str(kubeconfig(folder, server.url)), publish=publish)
        self._replica = LinkReplica(publish, "objects")
        self._replica_runs = asyncio.create_task(self._replica.run())
        self._watcher = Workgroup()
        self._runs: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._watcher = Workgroup()
        wire(self._settings, self._watcher)
        self._runs = asyncio.create_task(self._watcher.run())

    async def stop(self) -> None:
        self._watcher.stop()
        if self._runs is not None:
            await self._runs

    async def close(self) -> None:
        await self.stop()
        self._replica_runs.cancel()
        await asyncio.wait([self._replica_runs])

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition():
                await self._replica.changed()
                self.gone |= self._replica.take().deletes

    async def holds(self, *names: str) -> None:
        await self.until(lambda: self.objects == sorted(names))

    @property
    def objects(self) -> list[str]:
        return sorted(ref.replace("/default/", "/") for ref in self._replica.rows)


@pytest.fixture
async def published(tmp_path: Path) -> AsyncIterator[Published]:
    """Not started yet; its server has a Service and a Secret."""
    async with ApiServer() as server:
        await server.put(service("web"), secret("tls"))
        made = Published(tmp_path, server)
        yield made
        await made.close()


async def test_the_table_is_the_cluster_at_once(published: Published) -> None:
    """The first that a replica sees is whole; then it follows."""
    published.start()
    await published.until(lambda: published.objects)
    assert published.objects == ["Secret/tls", "Service/web"]

    await published.server.put(service("api"))
    await published.server.delete("Service/default/web")
    await published.holds("Secret/tls", "Service/api")

    assert published.gone == {"Service/default/web"}


async def test_a_watcher_that_starts_in_an_outage_takes_nothing_away(published: Published) -> None:
    """K13: who follows the table goes on with what it has."""
    published.start()
    await published.holds("Secret/tls", "Service/web")
    await published.stop()
    await published.server.stop()

    published.start()
    published.server.store.put(service("api"))
    await published.server.start()
    await published.holds("Secret/tls", "Service/api", "Service/web")

    assert published.gone == set()


async def test_a_watcher_that_may_no_longer_read_secrets_takes_none_away(published: Published) -> None:
    """Nor does an outage after that; what else changed meanwhile arrives."""
    published.start()
    await published.holds("Secret/tls", "Service/web")
    await published.stop()

    published.server.mood["secrets"] = answers.status(403, "secrets is forbidden")
    published.start()
    await published.holds("API//secrets", "Secret/tls", "Service/web")
    published.server.mood["secrets"] = answers.status(503)
    await published.server.was_asked("secrets", 4)
    await published.server.put(service("api"))
    await published.holds("API//secrets", "Secret/tls", "Service/api", "Service/web")

    assert published.gone == set()


async def test_a_secret_that_was_deleted_while_they_were_forbidden_goes_with_the_right_to_see(
    published: Published,
) -> None:
    """Held is what nobody could know better."""
    published.start()
    await published.holds("Secret/tls", "Service/web")
    await published.stop()
    published.server.mood["secrets"] = answers.status(403, "secrets is forbidden")
    published.start()
    await published.holds("API//secrets", "Secret/tls", "Service/web")

    await published.server.delete("Secret/default/tls")
    published.server.mood = {}

    await published.holds("Service/web")
