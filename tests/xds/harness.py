"""A core under test: a `World` has the table and the time, a `Client` speaks to it in protobuf of xds-protos.

Every resource is a real message whose one variable part is its `content`, a short text. The names go
together: `site("a")` is virtual host `ingress_http/a.example.com`, cluster `ns/a/80` and load assignment
`ns/a/http`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.service.discovery.v3 import discovery_pb2 as xds
from google.protobuf.message import Message

from runtime.link.row import Change, Row
from tests.support.ads import MESSAGES
from xds_server.resource_type import BY_KEY
from xds_server.server import Server
from xds_server.service import Method

URLS = {type_: f"type.googleapis.com/{message.DESCRIPTOR.full_name}" for type_, message in MESSAGES.items()}
TYPES = {url: type_ for type_, url in URLS.items()}

# A peer that is sent this many responses without a pause is in a loop with its server.
ENDLESS = 2000

Told = tuple[str, dict[str, str], list[str]]
"""One response: its type, content by name, names removed."""


def message(key: str, content: str) -> Message:
    """The resource of that key."""
    type_, _, name = key.partition("/")
    match type_:
        case "clusters":
            return Cluster(name=name, alt_stat_name=content)
        case "endpoints":
            found = ClusterLoadAssignment(cluster_name=name)
            found.policy.drop_overloads.add(category=content)
            return found
        case "listeners":
            return Listener(name=name, stat_prefix=content)
        case "routes":
            return RouteConfiguration(name=name, request_headers_to_remove=[content])
        case "hosts":
            return VirtualHost(name=name, request_headers_to_remove=[content])
    secret = Secret(name=name)
    secret.generic_secret.secret.inline_string = content
    return secret


def content_of(found: Any) -> str:  # noqa: ANN401 - one of six messages
    """What `message` was given."""
    match found:
        case Cluster():
            return str(found.alt_stat_name)
        case ClusterLoadAssignment():
            return str(found.policy.drop_overloads[0].category)
        case Listener():
            return str(found.stat_prefix)
        case Secret():
            return str(found.generic_secret.secret.inline_string)
    return str(found.request_headers_to_remove[0])


def name_of(found: Any) -> str:  # noqa: ANN401
    return str(found.cluster_name if isinstance(found, ClusterLoadAssignment) else found.name)


def row(key: str, content: str = "1", needs: Iterable[str] = ()) -> dict[str, Row]:
    """A table of one row."""
    return {key: Row.of(message(key, content).SerializeToString(deterministic=True), tuple(needs))}


def cluster(name: str, content: str = "1") -> dict[str, Row]:
    """Cluster `ns/<name>/80`, which needs its load assignment."""
    return row(f"clusters/ns/{name}/80", content, [f"endpoints/ns/{name}/http"])


def endpoints(name: str, content: str = "1") -> dict[str, Row]:
    return row(f"endpoints/ns/{name}/http", content)


def host(name: str, content: str = "1", *, to: str = "", of: str = "ingress_http") -> dict[str, Row]:
    """Virtual host `<name>.example.com`, which needs the cluster `to`."""
    return row(f"hosts/{of}/{name}.example.com", content, [f"clusters/ns/{to or name}/80"])


def site(name: str, content: str = "1") -> dict[str, Row]:
    """A virtual host, its cluster and load assignment."""
    return {**host(name, content), **cluster(name, content), **endpoints(name, content)}


def front(content: str = "1", secrets: Iterable[str] = ()) -> dict[str, Row]:
    """Listener `ingress_http` and its route configuration."""
    needs = ["routes/ingress_http", *(f"secrets/{name}" for name in secrets)]
    return {**row("listeners/ingress_http", content, needs), **row("routes/ingress_http", content)}


class World:
    """A server, fed by hand. `now` is a number that nobody moves but the test."""

    def __init__(self, *tables: Mapping[str, Row], grace: float = 0.0, sources: int = 1) -> None:
        self.server = Server(sources, grace)
        self.now = 1000.0
        if tables:
            self.put(*tables)

    def put(self, *tables: Mapping[str, Row], delete: Iterable[str] = (), source: int = 0) -> bool:
        """One batch."""
        puts = {key: found for table in tables for key, found in table.items()}
        return self.apply(puts, delete, source=source)

    def delete(self, *keys: str, source: int = 0) -> bool:
        return self.apply({}, keys, source=source)

    def apply(
        self,
        puts: Mapping[str, Row],
        deletes: Iterable[str] = (),
        *,
        source: int = 0,
        synced: bool = True,
        at: float = 0.0,
        age: float = 0.0,
    ) -> bool:
        change = Change(puts, frozenset(deletes), synced=synced, at=at)
        return self.server.apply(source, change, self.now, age)

    def delta(self, type_: str | None = None, **options: Any) -> "Delta":  # noqa: ANN401 - as of Client
        """A Delta stream: aggregated, or of one type's service."""
        return Delta(self, type_, **options)

    def sotw(self, type_: str | None = None, **options: Any) -> "Sotw":  # noqa: ANN401 - as of Client
        """A State-of-the-World stream."""
        return Sotw(self, type_, **options)

    def envoy(self, *sites: str, secrets: Iterable[str] = (), **options: Any) -> "Delta":  # noqa: ANN401
        """A Delta Envoy that has acknowledged everything, and wants the endpoints of these sites."""
        client = self.delta(**options)
        client.ask("clusters")
        client.settle()
        if sites:
            client.ask("endpoints", subscribe=[f"ns/{name}/http" for name in sites])
        client.ask("listeners")
        client.settle()
        if secrets:
            client.ask("secrets", subscribe=list(secrets))
        client.ask("routes", subscribe=["ingress_http"])
        client.settle()
        client.ask("hosts")
        client.settle()
        return client

    def rejections(self) -> tuple[set[str], set[str]]:
        """Keys put and deleted in the table `rejections` since the last call."""
        puts, deletes = self.server.take_rejections()
        return set(puts), deletes


@dataclass(frozen=True)
class Answer:
    """A response, decoded. `versions` of resources are Delta's, `version` is State-of-the-World's."""

    type: str
    nonce: str
    messages: dict[str, Any]
    removed: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    version: str = ""
    data: bytes = field(default=b"", repr=False)

    @property
    def told(self) -> Told:
        return self.type, {name: content_of(found) for name, found in self.messages.items()}, self.removed


class Client:
    """One stream. Each response is checked for what no response may be (G3, G5)."""

    delta: bool

    def __init__(
        self,
        world: World,
        type_: str | None,
        *,
        node: str = "envoy-1",
        version: tuple[int, int, int] = (1, 40, 0),
        agent: str = "envoy",
        fleet: str = "isoline",
        secure: bool = True,
    ) -> None:
        self.world = world
        method = Method(delta=self.delta, type_=BY_KEY[type_] if type_ else None)
        self.stream = world.server.open(method, peer="peer", secure=secure, now=world.now)
        self.node = xds.DeltaDiscoveryRequest().node
        self.node.id, self.node.cluster, self.node.user_agent_name = node, fleet, agent
        numbers = self.node.user_agent_build_version.version
        numbers.major_number, numbers.minor_number, numbers.patch = version
        self.answers: list[Answer] = []
        self.unanswered: list[Answer] = []
        self._fresh = True

    def send(self, request: Message) -> None:
        """Sends a request; the first one has the node."""
        if self._fresh:
            request.node.CopyFrom(self.node)  # type: ignore[attr-defined]
        self._fresh = False
        self.world.server.receive(self.stream, request.SerializeToString())

    def pull(self) -> list[Answer]:
        """All that is to be sent now."""
        found: list[Answer] = []
        while (data := self.world.server.pull(self.stream, self.world.now)) is not None:
            answer = self._decode(data)
            assert answer.nonce not in {"", *(old.nonce for old in self.answers)}, "a nonce twice"
            self.answers.append(answer)
            found.append(answer)
            assert len(found) < ENDLESS
        self.unanswered += found
        return found

    def says(self) -> list[Told]:
        """The same, in short."""
        return [answer.told for answer in self.pull()]

    def ack(self, *types: str) -> None:
        """Acknowledges what has come, of these types or all."""
        for answer in [a for a in self.unanswered if not types or a.type in types]:
            self.answer(answer, None)

    def nack(self, reason: str, *types: str) -> None:
        """Refuses it."""
        for answer in [a for a in self.unanswered if not types or a.type in types]:
            self.answer(answer, reason)

    def settle(self) -> list[Told]:
        """Takes and acknowledges until nothing comes any more."""
        told: list[Told] = []
        while answers := self.pull():
            told += [answer.told for answer in answers]
            self.ack()
        return told

    def close(self) -> None:
        self.world.server.close(self.stream, self.world.now)

    def answer(self, answer: Answer, reason: str | None) -> None:
        raise NotImplementedError

    def _decode(self, data: bytes) -> Answer:
        raise NotImplementedError


class Delta(Client):
    delta = True

    def ask(
        self,
        type_: str,
        subscribe: Iterable[str] = (),
        unsubscribe: Iterable[str] = (),
        initial: Mapping[str, str] | None = None,
        nonce: str = "",
    ) -> None:
        """A request that is no answer."""
        request = xds.DeltaDiscoveryRequest(
            type_url=URLS.get(type_, type_),
            resource_names_subscribe=subscribe,
            resource_names_unsubscribe=unsubscribe,
            initial_resource_versions=initial or {},
            response_nonce=nonce,
        )
        self.send(request)

    def answer(self, answer: Answer, reason: str | None) -> None:
        self.unanswered = [a for a in self.unanswered if a is not answer]
        request = xds.DeltaDiscoveryRequest(type_url=URLS[answer.type], response_nonce=answer.nonce)
        if reason is not None:
            request.error_detail.code, request.error_detail.message = 13, reason
        self.send(request)

    def versions(self, type_: str) -> dict[str, str]:
        """What it holds, as it would say when it connects again."""
        held: dict[str, str] = {}
        for answer in self.answers:
            if answer.type == type_:
                held.update(answer.versions)
                held = {name: version for name, version in held.items() if name not in answer.removed}
        return held

    def _decode(self, data: bytes) -> Answer:
        response = xds.DeltaDiscoveryResponse.FromString(data)
        names = [resource.name for resource in response.resources] + list(response.removed_resources)
        assert len(names) == len(set(names)), "a name twice (G5)"
        type_ = TYPES[response.type_url]
        messages = {}
        for resource in response.resources:
            if resource.HasField("resource"):
                assert resource.resource.type_url == response.type_url
                messages[resource.name] = MESSAGES[type_].FromString(resource.resource.value)
                assert name_of(messages[resource.name]) == resource.name
        return Answer(
            type_,
            response.nonce,
            messages,
            sorted(response.removed_resources),
            {resource.name: resource.version for resource in response.resources},
            data=data,
        )


class Sotw(Client):
    delta = False

    def __init__(self, world: World, type_: str | None, **options: Any) -> None:  # noqa: ANN401
        super().__init__(world, type_, **options)
        self._names: dict[str, list[str]] = {}
        self._accepted: dict[str, str] = {}
        self._newest: dict[str, str] = {}

    def ask(
        self, type_: str, names: Iterable[str] = (), *, version: str | None = None, nonce: str | None = None
    ) -> None:
        """A request for these names, with the newest nonce and the accepted version unless told otherwise."""
        self._names[type_] = list(names)
        self._send(type_, self._newest.get(type_, "") if nonce is None else nonce, version, None)

    def answer(self, answer: Answer, reason: str | None) -> None:
        self.unanswered = [a for a in self.unanswered if a is not answer]
        if reason is None:
            self._accepted[answer.type] = answer.version
        self._send(answer.type, answer.nonce, None, reason)

    def _send(self, type_: str, nonce: str, version: str | None, reason: str | None) -> None:
        request = xds.DiscoveryRequest(
            type_url=URLS.get(type_, type_),
            resource_names=self._names.get(type_, []),
            response_nonce=nonce,
            version_info=self._accepted.get(type_, "") if version is None else version,
        )
        if reason is not None:
            request.error_detail.code, request.error_detail.message = 13, reason
        self.send(request)

    def _decode(self, data: bytes) -> Answer:
        response = xds.DiscoveryResponse.FromString(data)
        type_ = TYPES[response.type_url]
        messages = {}
        for resource in response.resources:
            assert resource.type_url == response.type_url
            found = MESSAGES[type_].FromString(resource.value)
            assert name_of(found) not in messages, "a name twice (G5)"
            messages[name_of(found)] = found
        self._newest[type_] = response.nonce
        return Answer(type_, response.nonce, messages, version=response.version_info, data=data)
