"""Where a story happens: objects go in, and what Envoy holds comes out.

`World` is all that a story needs; `Core` is the one without sockets. Another world runs the same stories
over real links and real xDS: override the fixture `world`.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import orjson
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2
from google.protobuf.unknown_fields import UnknownFieldSet

from runtime.link.row import Change, Row
from tests.stories.objects import Object, reference
from tests.support.certificate import NOW
from translator.settings import Settings
from translator.translator import Translator

CLASSES = {
    "listeners": listener_pb2.Listener,
    "routes": route_pb2.RouteConfiguration,
    "hosts": route_components_pb2.VirtualHost,
    "clusters": cluster_pb2.Cluster,
    "endpoints": endpoint_pb2.ClusterLoadAssignment,
    "secrets": secret_pb2.Secret,
}
Message = Any

# Every resource that any story has made, for a real Envoy to judge at the end.
MADE: set[tuple[str, bytes]] = set()


class World(Protocol):
    """A control plane between a table of objects and an Envoy."""

    def change(self, puts: Mapping[str, Object], deletes: Iterable[str]) -> None:
        """One batch of objects, by reference; returns when its effect is everywhere."""

    def resources(self) -> Mapping[str, bytes]:
        """What Envoy holds: `<type>/<name>` → the resource's bytes."""

    def statuses(self) -> Mapping[str, dict[str, Any]]:
        """What the objects' owners are told, by reference."""


class Core:
    """The translator's core in process. Every row that it gives is checked on its way into the table."""

    def __init__(self, settings: Settings) -> None:
        self.translator = Translator(settings)
        self.translator.advance(NOW.timestamp())
        self.rows: dict[str, Row] = {}
        self.told: dict[str, Row] = {}
        self.output = self.translator.apply(Change({}, frozenset(), synced=True, at=0.0))
        self._applied()

    def change(self, puts: Mapping[str, Object], deletes: Iterable[str]) -> None:
        rows = {ref: Row.of(orjson.dumps(item)) for ref, item in puts.items()}
        self.output = self.translator.apply(Change(rows, frozenset(deletes), synced=True, at=0.0))
        self._applied()

    def resources(self) -> Mapping[str, bytes]:
        return {key: row.body for key, row in self.rows.items()}

    def statuses(self) -> Mapping[str, dict[str, Any]]:
        return {ref: orjson.loads(row.body) for ref, row in self.told.items()}

    def _applied(self) -> None:
        assert self.output is not None
        for table, batch in ((self.rows, self.output.resources), (self.told, self.output.statuses)):
            assert all(table.get(key) != row for key, row in batch.puts.items()), "an equal row is no change"
            assert batch.deletes <= table.keys(), "only what is there is deleted"
            table.update(batch.puts)
            for key in batch.deletes:
                del table[key]
        for key, row in self.rows.items():
            MADE.add((key, row.body))
            assert set(row.needs) <= self.rows.keys(), f"{key} needs what is not in the table"
            if key.startswith("clusters/"):
                cluster = cluster_pb2.Cluster.FromString(row.body)
                if cluster.type == cluster_pb2.Cluster.EDS:
                    assert f"endpoints/{cluster.eds_cluster_config.service_name}" in self.rows


class Kube:
    """The objects, as a user changes them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._objects: dict[str, Object] = {}

    def apply(self, *objects: Object) -> None:
        """Creates or replaces objects, in one batch."""
        puts = {reference(item): item for item in objects}
        self._objects |= puts
        self._world.change(puts, ())

    def delete(self, *objects: Object | str) -> None:
        """Deletes objects, or those of a kind/namespace/name."""
        refs = [item if isinstance(item, str) else reference(item) for item in objects]
        for ref in refs:
            del self._objects[ref]
        self._world.change({}, refs)

    @property
    def problems(self) -> tuple[str, ...]:
        """`Ingress/default/web: ServiceNotFound: spec.rules[0]…: message`, sorted; `warning: ` where it is
        one.
        """
        return tuple(
            sorted(
                f"{ref}: {'warning: ' if problem['severity'] == 'warning' else ''}{problem['reason']}:"
                f" {problem['field']}: {problem['message']}"
                for ref, status in self._world.statuses().items()
                for problem in status["problems"]
            )
        )

    @property
    def reasons(self) -> list[str]:
        """`Ingress/default/web ServiceNotFound spec.rules[0]…` of each problem, sorted."""
        return sorted(
            f"{ref} {problem['reason']} {problem['field']}"
            for ref, status in self._world.statuses().items()
            for problem in status["problems"]
        )

    def routes(self, ref: str) -> int:
        """How many routes of an Ingress are served."""
        count: int = self._world.statuses()[ref]["routes"]
        return count


class Envoy:
    """What Envoy holds, decoded by google's protobuf; names are the keys, and cleared in the messages."""

    def __init__(self, world: World) -> None:
        self._world = world

    def held(self, type_: str) -> dict[str, Message]:
        """The resources of a type by name."""
        found = {}
        for key, body in self._world.resources().items():
            kind, _, name = key.partition("/")
            if kind == type_:
                found[name] = _without_name(CLASSES[kind].FromString(body), name)
        return found

    @property
    def clusters(self) -> dict[str, Message]:
        return self.held("clusters")

    @property
    def endpoints(self) -> dict[str, Message]:
        return self.held("endpoints")

    @property
    def listeners(self) -> dict[str, Message]:
        return self.held("listeners")

    @property
    def routes(self) -> dict[str, Message]:
        return self.held("routes")

    @property
    def hosts(self) -> dict[str, Message]:
        """Those over HTTP, by host alone."""
        return self._hosts("ingress_http")

    @property
    def https_hosts(self) -> dict[str, Message]:
        """Those over HTTPS, by host alone."""
        return self._hosts("ingress_https")

    @property
    def secrets(self) -> dict[str, Message]:
        return self.held("secrets")

    @property
    def https(self) -> Message:
        """The listener for HTTPS."""
        return self.listeners["ingress_https"]

    def _hosts(self, route_configuration: str) -> dict[str, Message]:
        found = ((name.rpartition("/"), message) for name, message in self.held("hosts").items())
        return {host: message for (of, _, host), message in found if of == route_configuration}


def _without_name(message: Message, name: str) -> Message:
    field = "cluster_name" if isinstance(message, endpoint_pb2.ClusterLoadAssignment) else "name"
    assert getattr(message, field) == name
    assert len(UnknownFieldSet(message)) == 0
    message.ClearField(field)
    return message
