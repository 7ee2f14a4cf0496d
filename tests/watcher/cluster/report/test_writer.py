"""The writer on real links, before a model of the API server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from runtime.link.link_publisher import LinkPublisher
from runtime.link.link_replica import LinkReplica
from runtime.link.row import Row
from tests.link.running import running, until
from tests.watcher.cluster.report.server import Server
from tests.watcher.cluster.report.writing import row
from watcher.cluster.answer import Answer, UnreachableError
from watcher.cluster.report import clock
from watcher.cluster.report.request import Request
from watcher.cluster.report.writer import Writer
from watcher.cluster.report.written import Written

US = "isoline/isoline/watcher"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/isoline/leases/watcher"
WEB = "Ingress/shop/web"
PATH = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web"
EVENTS = "/apis/events.k8s.io/v1/namespaces/shop/events/"
BROKEN = row(problems=[{"severity": "error", "reason": "X", "message": "m", "field": ""}], routes=1)


class Model:
    """The model as the edge to an API server, of which some may be away: the paths that begin so."""

    namespace = "isoline"

    def __init__(self) -> None:
        self.server = Server()
        self.away: str | None = None
        self.failed = 0

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = {},
        body: object = None,
        content_type: str = "application/json",
        seconds: float = 10.0,  # noqa: ARG002
    ) -> Answer:
        await asyncio.sleep(0)
        if self.away is not None and path.startswith(self.away):
            self.failed += 1
            raise UnreachableError("connection refused")
        return self.server.answer(Request(method, path, body, query, content_type))


class World:
    """One Ingress, two translators, a writer that has been told neither objects nor addresses."""

    def __init__(self, folder: Path) -> None:
        self.api = Model()
        self.server = self.api.server
        addresses = [f"ipc://{folder}/t{number}/resources" for number in range(2)]
        self.publishers = [LinkPublisher(address, ("statuses",)) for address in addresses]
        self.server.put(PATH, {"metadata": {"name": "web"}, "status": {"loadBalancer": {}}})
        self.written: dict[str, Written] = {}
        self.rows: dict[str, Row] = {}
        self.writer = Writer(
            api=self.api,
            rows=self.rows,
            written=self.written,
            statuses=[LinkReplica(address, "statuses") for address in addresses],
            lease="watcher",
            manager=US,
        )

    def see(self) -> None:
        metadata = {"name": "web", "namespace": "shop", "uid": "u"}
        self.rows[WEB] = row(kind="Ingress", apiVersion="networking.k8s.io/v1", metadata=metadata)
        self.written[WEB] = Written.of(self.server.objects[PATH], US)
        self.writer.touch([WEB])

    def say(self, number: int, rows: dict[str, Row]) -> None:
        self.publishers[number].publish("statuses", puts=rows, synced=True)

    def complete(self) -> None:
        """All is known, and the Ingress is served."""
        self.say(0, {WEB: BROKEN})
        self.say(1, {})
        self.see()
        self.writer.objects_synced()
        self.writer.addresses([{"ip": "192.0.2.1"}])

    def told(self) -> list[str]:
        return [event["reason"] for path, event in self.server.objects.items() if path.startswith(EVENTS)]

    def is_written(self) -> bool:
        return self.server.entries(PATH) == [{"ip": "192.0.2.1"}]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Its writer leads."""
    made = World(tmp_path)
    async with running(*made.publishers):
        task = asyncio.create_task(made.writer.run())
        await until(made.writer.leads, "it leads")
        yield made
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


MISSING: Mapping[str, Callable[[World], object]] = {
    "objects": lambda world: world.writer.objects_synced(),
    "one translator": lambda world: world.say(0, {WEB: BROKEN}),
    "the other translator": lambda world: world.say(1, {}),
}


@pytest.mark.parametrize("missing", MISSING)
async def test_nothing_is_decided_before_all_is_known(world: World, missing: str) -> None:
    """What is not said yet would be taken for a no."""
    world.see()
    world.writer.addresses([{"ip": "192.0.2.1"}])
    for name, tell in MISSING.items():
        if name != missing:
            tell(world)
    await until(lambda: sum(table["synced"] for table in world.writer.status()["tables"]) >= 1, "synced")
    renewed = world.server.wrote.count(("PUT", LEASE))
    await until(lambda: world.server.wrote.count(("PUT", LEASE)) > renewed, "the Lease is renewed")

    assert [path for _, path in world.server.wrote if path != LEASE] == []

    MISSING[missing](world)
    await until(lambda: world.is_written() and world.told() == ["X"], "written and told")


async def test_while_the_addresses_are_not_known_only_events_are_written(world: World) -> None:
    world.complete()
    world.writer.addresses(None)
    await until(lambda: world.told() == ["X"], "told")

    assert not world.is_written()

    world.writer.addresses([{"ip": "192.0.2.1"}])
    await until(world.is_written, "written")


async def test_who_leads_no_more_writes_nothing_and_begins_anew_when_it_leads_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock goes on by a minute, as if the process had been stopped while something was to be written.
    The API server would take that, and is away for the Lease alone.
    """
    world.complete()
    await until(lambda: world.is_written() and world.told() == ["X"], "written and told")
    wrote = len(world.server.wrote)

    world.server.put(PATH, {"metadata": {"name": "web"}, "status": {"loadBalancer": {}}})
    world.see()
    world.api.away = LEASE
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + 60.0)
    await until(lambda: world.api.failed > 0, "a request has failed")
    assert not world.writer.leads()
    assert [path for _, path in world.server.wrote[wrote:] if path != LEASE] == []
    world.api.away = None

    await until(world.is_written, "written again")
    assert world.writer.status()["term"] == 2
    assert world.told() == ["X"]


async def test_an_api_server_that_is_away_is_told_when_it_goes_and_when_it_is_back(world: World) -> None:
    world.complete()
    await until(world.is_written, "written")

    with capture_logs() as lines:
        world.api.away = "/"
        await until(lambda: world.api.failed > 1, "two requests have failed")
        world.api.away = None
        await until(lambda: len(lines) > 1, "it is told")

    assert [(line["event"], line["writing"]) for line in lines] == [
        ("API server does not answer", "lease"),
        ("API server answers again", "lease"),
    ]


async def test_who_else_writes_a_status_is_told_once_and_how_often_is_counted(world: World) -> None:
    world.complete()
    await until(world.is_written, "written")
    before = rewrites()

    with capture_logs() as lines:
        for _ in range(3):
            status = {"loadBalancer": {"ingress": [{"ip": "198.51.100.1"}]}}
            world.server.put(PATH, {"metadata": {"name": "web"}, "status": status}, "other")
            world.see()
            await until(world.is_written, "written again")
            world.see()

    assert rewrites() - before == 3
    assert [(line["object"], line["by"]) for line in lines] == [(WEB, "other")]


def rewrites() -> float:
    return REGISTRY.get_sample_value("isoline_watcher_status_rewrites_total") or 0.0


async def test_at_the_end_the_lease_is_given_up(tmp_path: Path) -> None:
    world = World(tmp_path)
    task = asyncio.create_task(world.writer.run())
    await until(world.writer.leads, "it leads")

    task.cancel()
    await asyncio.wait([task])

    assert not world.writer.leads()
    assert world.server.objects[LEASE]["spec"]["holderIdentity"] == ""
