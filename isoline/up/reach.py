"""Whether Envoy, on this machine, reaches the pods of a cluster: they may have a network of their own."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from isoline.explain.endpoints import addresses, shown
from isoline.explain.schema import LOAD_ASSIGNMENT, decode
from runtime.link.link_replica import LinkReplica
from runtime.link.row import Row

# Tried at once; a network that is there answers within milliseconds, and one Service may be down.
MOST = 5
SECONDS = 2.0


async def tell(resources: str, say: Callable[[str], None]) -> None:
    """Waits until the translator at this address has endpoints, and says when none of them can be reached."""
    tried = await _some(resources)
    if not any(await asyncio.gather(*(_answers(*each) for each in tried))):
        say(
            f"pod addresses are out of reach from this machine ({', '.join(shown(*each) for each in tried)}):"
            " requests end with 503. Run isoline in the cluster, or give this machine a route or VPN to its"
            " pods; kubectl port-forward does not help Envoy"
        )


async def _some(resources: str) -> list[tuple[str, int]]:
    replica = LinkReplica(resources, "resources")
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(replica.run())
        while not (found := list(islice(_firsts(replica.rows), MOST))):
            await replica.changed()
            replica.take()
        following.cancel()
    return found


def _firsts(rows: Mapping[str, Row]) -> Iterator[tuple[str, int]]:
    """Of each load assignment one address."""
    for key, row in rows.items():
        if key.startswith("endpoints/"):
            yield from islice(addresses(decode(LOAD_ASSIGNMENT, row.body)), 1)


async def _answers(address: str, port: int) -> bool:
    """Whether there is somebody, who may refuse."""
    try:
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(address, port)
    except ConnectionRefusedError:
        return True
    except OSError:  # no route, no answer
        return False
    writer.close()
    return True
