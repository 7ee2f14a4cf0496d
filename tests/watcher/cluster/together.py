"""Several sources with one clock, and the table that is given out."""

import orjson

from runtime.link.row import Row
from tests.watcher.cluster.bodies import Body
from tests.watcher.cluster.driven import Driven, source
from watcher.cluster.cluster import Batch, Cluster
from watcher.cluster.source import Source

INGRESSES = source("Ingress")
SERVICES = source("Service")
CERTIFICATES = source("Secret", selector={"fieldSelector": "type=kubernetes.io/tls"})
OPAQUE = source("Secret", selector={"fieldSelector": "type=Opaque"})


class Together:
    """Waits by chance are none, so a source that has failed may ask again at once."""

    def __init__(self, *sources: Source) -> None:
        self.driven = {each.name: Driven(each) for each in sources}
        for each in self.driven.values():
            each.chance = 0.0
        self.cluster = Cluster([each.reflector for each in self.driven.values()])
        self.table = dict[str, Row]()
        self.now = 1000.0

    def __getitem__(self, source: Source) -> Driven:
        return self.driven[source.name]

    def later(self, seconds: float) -> None:
        self.now += seconds
        for each in self.driven.values():
            each.now = self.now

    def take(self) -> Batch | None:
        """What is given out now."""
        for each in self.driven.values():
            self.cluster.heard(each.reflector)
        batch = self.cluster.batch(self.now)
        if batch is not None:
            self.table.update(batch.puts)
            for ref in batch.deletes:
                self.table.pop(ref, None)
        return batch

    def lists(self, source: Source, *items: Body, version: int = 4) -> None:
        self[source].lists(*items, version=version)

    def refuses(self, source: Source, status: int, message: str = "") -> None:
        self[source].ask()
        self[source].refuses(status, message)

    def fails(self, source: Source) -> None:
        """Its watch breaks off."""
        self[source].breaks()

    def recovers(self, source: Source, *lines: bytes) -> None:
        """Its watch goes on, and brings these."""
        self[source].ask()
        self[source].opens(*lines)

    @property
    def objects(self) -> list[str]:
        """`Service/a`, of namespace `default`, in order of the alphabet."""
        return sorted(ref.replace("/default/", "/") for ref in self.table)

    def told(self, resource: str) -> list[str]:
        """What is wrong with it, as who reads the table sees it."""
        row = self.table.get(f"API//{resource}")
        problems = [] if row is None else orjson.loads(row.body)["problems"]
        return [f"{each['reason']}: {each['message']}" for each in problems]
