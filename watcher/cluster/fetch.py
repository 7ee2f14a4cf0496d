"""What a cluster holds now, read once and whole: for tools."""

import asyncio
import math
import random
from collections.abc import Mapping, Sequence
from typing import Final

from runtime.link.row import Row
from watcher.cluster.access import Access
from watcher.cluster.api import Api
from watcher.cluster.cluster import Batch, Cluster
from watcher.cluster.follower import Follower
from watcher.cluster.reflector import Reflector
from watcher.cluster.source import sources

# Until the whole cluster is listed; a large one takes seconds.
SECONDS = 60.0
LOOK_SECONDS = 0.02
# After a refusal, until every source has its answer: the first in their order is told, not the fastest.
OTHERS_SECONDS: Final = 1.0
# Of the answers 4xx those that say the request is wrong now, and not for ever: Request Timeout, Too Many
# Requests.
PASSING: Final = (408, 429)


class FetchError(Exception):
    """The cluster can't be read; the text says why."""


async def fetch(access: Access, namespaces: Sequence[str] = ()) -> Mapping[str, Row]:
    """The rows that a watcher of these namespaces or, with none, of all would publish: objects, and
    `API//<resource>` for what must not be read.

    Raises FetchError, and StartError for a kubeconfig that cannot be used.
    """
    whole: asyncio.Future[Mapping[str, Row]] = asyncio.get_running_loop().create_future()

    def take(batch: Batch) -> None:
        if not whole.done():
            whole.set_result(batch.puts)

    reflectors = [Reflector(source, random.random) for source in sources(namespaces)]
    cluster = Cluster(reflectors)
    clock = asyncio.get_running_loop().time
    refused = math.inf
    async with Api(access) as api:
        follower = Follower(api, reflectors, cluster, take)
        following = asyncio.create_task(follower.run())
        try:
            async with asyncio.timeout(SECONDS):
                while not whole.done():
                    if following.done():
                        following.result()  # a bug of ours
                    if follower.unreachable is not None:
                        raise FetchError(f"API server unreachable: {follower.unreachable}")
                    if (wrong := _hopeless(cluster)) is not None:
                        refused = min(refused, clock())
                        if clock() >= refused + OTHERS_SECONDS or not _listing(cluster):
                            raise FetchError(wrong)
                    await asyncio.sleep(LOOK_SECONDS)
            return whole.result()
        except TimeoutError:
            raise FetchError(f"not listed within {SECONDS:g} s: {_waiting(cluster)}") from None
        finally:
            following.cancel()
            await asyncio.wait([following])


def _listing(cluster: Cluster) -> bool:
    """Whether some source has no answer yet."""
    return any(each.state == "listing" for each in cluster.missing)


def _hopeless(cluster: Cluster) -> str | None:
    """What no waiting helps against: somebody sits at the terminal."""
    for each in cluster.missing:
        if each.state == "forbidden":
            hint = "; name the namespaces that you may read with --watch-namespace"
            return each.trouble + ("" if each.source.namespace else hint)
        if each.state == "failing" and 400 <= each.status < 500 and each.status not in PASSING:
            return f"{each.source.name}: {each.trouble}; is this the API server of a cluster?"
    return None


def _waiting(cluster: Cluster) -> str:
    return ", ".join(f"{each.source.name} ({each.trouble or each.state})" for each in cluster.missing)
