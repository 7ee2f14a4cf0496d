"""The edge of a watcher over its cores, and the table that they give out."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from runtime.link.row import Row
from tests.kube.kubeconfig import Identity, write
from tests.support.certificate import Pair
from tests.watcher.cluster.api_server import Answer, ApiServer
from tests.watcher.cluster.bodies import Body
from tests.watcher.cluster.driven import SERVICES
from watcher.cluster.access import Access
from watcher.cluster.api import Api
from watcher.cluster.cluster import Batch, Cluster
from watcher.cluster.follower import Follower
from watcher.cluster.reflector import Reflector
from watcher.cluster.source import Source

# Of the loop's clock, which jumps: longer than any wait of a watcher.
DEADLINE_SECONDS = 3600.0
LOOK_SECONDS = 10.0


def kubeconfig(folder: Path, url: str, *, token: str | None = None, ca: bytes = b"none") -> Path:
    """The token stands in a file beside it."""
    path = folder / "config"
    write(path, "token-file", Identity(token or "any", Pair(b"", b"")), url=url, ca=ca, namespace="default")
    return path


class Following:
    """`table` is what was given out, `gone` what was ever taken from it. `besides` are followed, too, and no
    part of the cluster.
    """

    def __init__(self, path: Path, sources: Sequence[Source], besides: Sequence[Source] = ()) -> None:
        chance = random.Random(1).random
        self.reflectors = [Reflector(source, chance) for source in (*sources, *besides)]
        self.cluster = Cluster(self.reflectors[: len(sources)])
        self.table = dict[str, Row]()
        self.gone: set[str] = set()
        self._api = Api(Access.of_kubeconfig(str(path)))
        self.follower = Follower(self._api, self.reflectors, self.cluster, self._take)
        self._changed = asyncio.Event()
        self._runs: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._api.__aenter__()
        self._runs = asyncio.create_task(self.follower.run())
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._runs is not None:
            self._runs.cancel()
            await asyncio.wait([self._runs])
        await self._api.__aexit__()

    def _take(self, batch: Batch) -> None:
        self.gone |= batch.deletes & self.table.keys()
        self.table.update(batch.puts)
        for ref in batch.deletes:
            self.table.pop(ref, None)
        self._changed.set()

    async def until(self, condition: Callable[[], object], look: float = LOOK_SECONDS) -> None:
        """Until it holds; looked at whenever something is given out, and every few seconds."""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                while not condition():
                    assert self._runs is not None
                    assert not self._runs.done(), self._runs
                    self._changed.clear()
                    await asyncio.wait([asyncio.create_task(self._changed.wait())], timeout=look)
        except TimeoutError:
            raise AssertionError(f"still {self.objects}, {self.follower.status()}") from None

    async def later(self, seconds: float) -> None:
        """Until the clock has gone on so far."""
        await asyncio.sleep(seconds)

    async def holds(self, *names: str) -> None:
        """Until the table is these, `Service/a` of namespace `default`."""
        await self.until(lambda: self.objects == sorted(names))

    @property
    def objects(self) -> list[str]:
        return sorted(ref.replace("/default/", "/") for ref in self.table)

    @property
    def states(self) -> list[str]:
        return [each.state for each in self.reflectors]


@asynccontextmanager
async def followed(
    folder: Path,
    *objects: Body,
    sources: Sequence[Source] = (SERVICES,),
    besides: Sequence[Source] = (),
    mood: Answer | None = None,
) -> AsyncIterator[tuple[ApiServer, Following]]:
    """A server that has these objects, and who follows it and knows them. `mood` is towards Services."""
    async with ApiServer() as server:
        if mood is not None:
            server.mood["services"] = mood
        await server.put(*objects)
        async with Following(kubeconfig(folder, server.url), sources, besides) as following:
            await following.until(lambda: following.cluster.complete)
            yield server, following
