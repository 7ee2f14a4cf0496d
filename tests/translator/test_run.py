"""The process: the core between real links."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import orjson
import pytest

from runtime.link.link_publisher import LinkPublisher
from runtime.link.link_replica import LinkReplica
from runtime.link.row import Row
from runtime.workgroup import Workgroup
from tests.stories.objects import ingress, reference, service, slice_
from translator.run import wire
from translator.settings import Settings

WEB = (
    ingress("web", to="kuard:80"),
    service("kuard", (80, "http")),
    slice_("kuard", (8080, "http"), "10.0.0.1"),
)
HOST = "hosts/ingress_http/shop.example.com"


class Links:
    """A watcher's and an xDS server's publisher, and replicas of what the translator publishes."""

    def __init__(self, folder: Path) -> None:
        objects, published, rejections = (f"ipc://{folder}/{name}" for name in ("o", "t", "x"))
        self.settings = Settings(objects=objects, publish=published, rejections=(rejections,))
        self.objects = LinkPublisher(objects, ["objects"])
        self.rejections = LinkPublisher(rejections, ["rejections"])
        self.resources = LinkReplica(published, "resources")
        self.statuses = LinkReplica(published, "statuses")


@pytest.fixture
async def links(tmp_path: Path) -> AsyncIterator[Links]:
    """All of them running, with a translator between."""
    made, group = Links(tmp_path), Workgroup()
    wire(made.settings, group)
    for part in (made.objects, made.rejections, made.resources, made.statuses):
        group.add(type(part).__name__, part.run)
    running = asyncio.create_task(group.run())

    yield made

    group.stop()
    await running


async def until(replica: LinkReplica, condition: Callable[[LinkReplica], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition(replica):
            await replica.changed()
            replica.take()


async def test_objects_in_resources_and_statuses_out(links: Links) -> None:
    """Nothing before the objects are complete; then everything, and each change after it."""
    rows = {reference(item): Row.of(orjson.dumps(item)) for item in WEB}
    links.objects.publish("objects", puts=rows, synced=False)
    links.objects.publish("objects", synced=True)

    await until(links.resources, lambda replica: replica.status()["synced"] and HOST in replica.rows)
    await until(links.statuses, lambda replica: "Ingress/default/web" in replica.rows)

    links.objects.publish("objects", deletes=["Ingress/default/web"])

    await until(links.resources, lambda replica: HOST not in replica.rows)
    await until(links.statuses, lambda replica: not replica.rows)


async def test_what_an_envoy_refuses_reaches_the_status(links: Links) -> None:
    """By the way back: xDS server, translator, status."""
    rows = {reference(item): Row.of(orjson.dumps(item)) for item in WEB}
    refused = {"resource": HOST, "node": "envoy-1", "message": "bad regex", "version": "0" * 16}
    links.objects.publish("objects", puts=rows, synced=True)
    links.rejections.publish(
        "rejections", puts={f"{HOST}|envoy-1": Row.of(orjson.dumps(refused))}, synced=True
    )

    def told(replica: LinkReplica) -> bool:
        row = replica.rows.get("Ingress/default/web")
        return row is not None and b"RejectedByEnvoy" in row.body

    await until(links.statuses, told)
