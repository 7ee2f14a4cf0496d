"""A watcher that runs, and a replica of what it publishes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from runtime.link.link_replica import LinkReplica
from runtime.workgroup import Workgroup
from tests.watcher.table import objects, problems
from tests.watcher.texts import service
from watcher.files.run import wire
from watcher.files.settings import Settings

# Far above the slowest: a link that is turned elsewhere, noticed by the second look through everything.
DEADLINE_SECONDS = 20.0


class Watched:
    """The folder `root`, and the table that a replica holds. `gone` are all keys that were ever deleted."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "manifests"
        self.outside = folder / "outside"
        self.root.mkdir()
        self.outside.mkdir()
        self.settings = Settings(folder=str(self.root), publish=f"ipc://{folder}/run/o")
        self.gone: set[str] = set()
        self._replica = LinkReplica(self.settings.publish, "objects")
        self._replica_runs = asyncio.create_task(self._replica.run())
        self._watcher = Workgroup()
        self._running: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """A watcher, for the first time or again; waits for nothing."""
        self._watcher = Workgroup()
        wire(self.settings, self._watcher)
        self._running = {asyncio.create_task(self._watcher.run())}

    async def stop(self) -> None:
        self._watcher.stop()
        await asyncio.gather(*self._running)

    async def close(self) -> None:
        await self.stop()
        self._replica_runs.cancel()
        await asyncio.wait([self._replica_runs])

    def put(self, path: str, text: str) -> Path:
        """Below the root; written in place."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    async def until(self, condition: Callable[[], object]) -> None:
        """Until it holds of what the replica has."""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                while not (self._replica.status()["synced"] and condition()):
                    change = asyncio.create_task(self._replica.changed())
                    await asyncio.wait([change, *self._running], return_when=asyncio.FIRST_COMPLETED)
                    if not change.done():
                        change.cancel()
                        raise AssertionError("the watcher has ended")
                    self.gone.update(self._replica.take().deletes)
        except TimeoutError:
            raise AssertionError(f"still {self.objects} {self.problems}") from None

    async def becomes(self, **names: str) -> None:
        """Until the objects are these Services, by name, each at its `file:line`."""
        wanted = {f"Service/default/{name}": place for name, place in names.items()}
        await self.until(lambda: self.objects == wanted)

    async def looked(self) -> None:
        """Until the watcher has looked again, which is seen by another file, `looked.yaml`."""
        name = f"looked-{len(list(self.root.iterdir()))}"
        (self.root / "looked.yaml").write_text(service(name))
        await self.until(lambda: f"Service/default/{name}" in self.objects)
        (self.root / "looked.yaml").unlink()

    @property
    def objects(self) -> dict[str, str]:
        return objects(self._replica.rows)

    @property
    def problems(self) -> list[str]:
        return problems(self._replica.rows)


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    """Its folder is empty, its watcher not yet started."""
    made = Watched(tmp_path)
    yield made
    await made.close()
