"""The world of the stories over real sockets: ZeroMQ to a translator, to an xDS server, gRPC to a client."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
from envoy.config.route.v3.route_pb2 import RouteConfiguration

from runtime.link.link_publisher import LinkPublisher
from runtime.link.link_replica import LinkReplica
from runtime.link.row import Row
from tests.stories.objects import Object, ingress
from tests.support.ads import AdsClient
from tests.support.background import Background
from tests.support.deadline import EndedError, wait_until
from tests.support.program import Program
from tests.support.up import ISOLINE

# An Ingress that changes with every batch: what follows from it shows that the batch has arrived.
_MARKER = "Ingress/isoline-test/marker"


class Sockets:
    """A translator and an xDS server, each a process, between a publisher of objects and a Delta ADS client.

    The client holds at the end of each change what the translator's table has; the stories then say
    whether that is what was meant. After a change that has not arrived no other is waited for.
    """

    def __init__(self, background: Background, options: Mapping[str, Any]) -> None:
        self._background = background
        self._stack = ExitStack()
        self._number = 0
        ours: tuple[str, ...] = options.get("ingress_class", ("isoline",))
        self._class = {"projectcontour.io/ingress.class": ours[0]}
        self._lost: Exception | None = None
        self._objects: set[str] = set()
        folder = Path(tempfile.mkdtemp(prefix="story-"))
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        objects, resources, rejections = (f"ipc://{folder}/{name}" for name in ("o", "r", "j"))
        flags = [word for name, value in options.items() for word in _flag(name, value)]
        translator = ["--objects", objects, "--publish", resources, "--rejections", rejections, *flags]
        server = ["--resources", resources, "--publish", rejections, "--cluster-grace", "0s"]
        self._programs = [
            self._stack.enter_context(Program([str(ISOLINE), "translator", *translator])),
            self._stack.enter_context(
                Program([str(ISOLINE), "xds-server", *server, "--xds-listen", f"unix:{folder}/xds"])
            ),
        ]
        self._client = self._stack.enter_context(AdsClient(f"unix:{folder}/xds"))
        self._publisher, self._table, self._statuses = background.run(_link(objects, resources))
        for part in (self._publisher, self._table, self._statuses):
            task = asyncio.run_coroutine_threadsafe(part.run(), background.loop)
            self._stack.callback(task.cancel)

    def close(self) -> None:
        """Ends all of it."""
        self._stack.close()

    def clear(self) -> None:
        """No objects at all, for the next story."""
        self.change({}, sorted(self._objects))

    def change(self, puts: Mapping[str, Object], deletes: Iterable[str]) -> None:
        assert self._lost is None, f"a change of an earlier story has not arrived: {self._lost}"
        self._number += 1
        self._objects = (self._objects | puts.keys()) - set(deletes)
        marker = ingress(
            "marker", namespace="isoline-test", to="none:80", host=self._host, annotations=self._class
        )
        marker["source"] = {"file": "marker.yaml", "line": self._number}  # it travels to the status
        rows = {ref: Row.of(orjson.dumps(item)) for ref, item in [*puts.items(), (_MARKER, marker)]}
        self._background.run(self._publish(rows, frozenset(deletes)))
        try:
            wait_until(self._arrived, "the client holds the table", of=self._programs)
        except (AssertionError, EndedError) as error:
            self._lost = error
            raise

    @property
    def _host(self) -> str:
        return f"n{self._number}.isoline.test"

    async def _publish(self, puts: Mapping[str, Row], deletes: frozenset[str]) -> None:
        self._publisher.publish("objects", puts=puts, deletes=deletes, synced=True)

    def _arrived(self) -> bool:
        assert f"hosts/ingress_http/{self._host}" in self._table.rows, "no answer of the translator"
        status = self._statuses.rows.get(_MARKER)
        line = None if status is None else orjson.loads(status.body)["source"]["line"]
        assert line == self._number, "no status of the translator"
        assert self._difference() == [], "not held"
        return True

    def _difference(self) -> list[str]:
        table = {key: row.body for key, row in dict(self._table.rows).items()}
        held = {key: _without_vhds(key, body) for key, body in self._client.bodies.items()}
        return sorted(key for key in table.keys() | held.keys() if table.get(key) != held.get(key))

    def resources(self) -> Mapping[str, bytes]:
        held = {key: _without_vhds(key, body) for key, body in self._client.bodies.items()}
        del held[f"hosts/ingress_http/{self._host}"]
        return held

    def statuses(self) -> Mapping[str, dict[str, Any]]:
        rows = dict(self._statuses.rows)
        del rows[_MARKER]
        return {ref: orjson.loads(row.body) for ref, row in rows.items()}


def _flag(name: str, value: object) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, tuple):
        return [flag, ",".join(value)]
    return ([flag] if value else []) if isinstance(value, bool) else [flag, str(value)]


def _without_vhds(key: str, body: bytes) -> bytes:
    """A route configuration as the translator publishes it: the xDS server adds where its hosts come from."""
    if not key.startswith("routes/"):
        return body
    message = RouteConfiguration.FromString(body)
    message.ClearField("vhds")
    return bytes(message.SerializeToString(deterministic=True))


async def _link(objects: str, resources: str) -> tuple[LinkPublisher, LinkReplica, LinkReplica]:
    """Made inside the loop that they will run on."""
    return (
        LinkPublisher(objects, ("objects",)),
        LinkReplica(resources, "resources"),
        LinkReplica(resources, "statuses"),
    )
