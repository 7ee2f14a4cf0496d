"""A model of an Envoy on an aggregated Delta stream, with what a real one was seen to do (Envoy 1.40)."""

from collections.abc import Iterable, Mapping

from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse

from tests.xds.peer import Peer
from tests.xds.world import GRACE, key_of, needs
from xds_server.resource_type import BY_KEY

Resources = Mapping[str, tuple[str, bytes]]


class Envoy(Peer):
    """Subscribes to the load assignments of its clusters, to the routes of its listeners, then to all hosts.

    CDS is acknowledged when every cluster has got its load assignment after it. Of a refused CDS response the
    good clusters count, of any other refused response nothing.
    """

    def begin(self) -> None:
        self._asked: dict[str, set[str]] = {}
        self._warming: set[str] = set()
        self._late: list[bytes] = []  # acknowledgements of CDS that wait for clusters to be warm
        self._repeats: set[tuple[str, str]] = set()  # what may be sent although it is held
        self._named: dict[str, float] = getattr(self, "_named", {})  # cluster → when a host last named it
        self._ask("clusters")
        self._want_assignments()
        self._ask("listeners")
        if self.held["listeners"]:
            self._ask("routes", ["http"])
        if self.held["routes"]:
            self._ask("hosts")

    # Requests

    def _ask(self, type_: str, names: Iterable[str] = (), gone: Iterable[str] = ()) -> None:
        request = DeltaDiscoveryRequest(
            type_url=BY_KEY[type_].url,
            resource_names_subscribe=sorted(names),
            resource_names_unsubscribe=sorted(gone),
        )
        if not self._asked:
            node = request.node
            node.id, node.cluster, node.user_agent_name = "envoy-1", "isoline", "envoy"
            version = node.user_agent_build_version.version
            version.major_number, version.minor_number = 1, 40
        if type_ not in self._asked:
            for name, (version_of, _) in self.held[type_].items():
                request.initial_resource_versions[name] = version_of
        asked = self._asked.setdefault(type_, set())
        asked.update(names)
        asked.difference_update(gone)
        self.requests.append(request.SerializeToString())

    def _want_assignments(self) -> None:
        wanted = {needs(body)[0] for _, body in self.held["clusters"].values()}
        asked = self._asked.get("endpoints", set())
        gone = asked - wanted
        if wanted != asked:
            self._ask("endpoints", wanted - asked, gone)
        for name in self.held["endpoints"].keys() - wanted:
            del self.held["endpoints"][name]

    # Responses

    def take(self, data: bytes) -> None:
        response = DeltaDiscoveryResponse.FromString(data)
        type_ = key_of(response.type_url)
        new = {item.name: (item.version, item.resource.value) for item in response.resources}
        gone = set(response.removed_resources)
        if len(new) != len(response.resources) or gone & new.keys():
            self.wrong.append(f"a name twice in one response: {response}")
        bad = {name for name, (_, body) in new.items() if b" bad" in body}
        self._compare(type_, new)
        if type_ == "clusters":  # each is followed by its load assignment, always
            self._repeats.update(("endpoints", needs(body)[0]) for _, body in new.values())
        answer = DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce)
        if bad:
            answer.error_detail.code, answer.error_detail.message = 13, f"refused: {sorted(bad)}"
            self._repeats.update((type_, name) for name in new)
            new = {name: new[name] for name in new.keys() - bad} if type_ == "clusters" else {}
            gone = gone if type_ == "clusters" else set()
        self._apply(type_, new, gone)
        if type_ == "clusters" and self._warming and not bad:
            self._late.append(answer.SerializeToString())
        else:
            self.requests.append(answer.SerializeToString())

    def _compare(self, type_: str, new: Resources) -> None:
        """What was changed or removed and then came back is new."""
        for name, found in new.items():
            again = (type_, name) in self._repeats or (f"{type_}/{name}", found[0]) in self.world.again
            if self.held[type_].get(name) == found and not again:
                self.wrong.append(f"sent twice: {type_}/{name}")
            self._repeats.discard((type_, name))

    def _apply(self, type_: str, new: Resources, gone: set[str]) -> None:
        if type_ == "clusters":
            self._demand_unused(gone)
        if type_ == "hosts":
            self._demand_held(new)
        named = self._clusters_named()
        self.held[type_].update(new)
        for name in gone:
            self.held[type_].pop(name, None)
        self._named.update(dict.fromkeys(named, self.world.now) if type_ == "hosts" else {})
        if type_ == "clusters":
            self._warming = (self._warming | new.keys()) - gone
            self._want_assignments()
        elif type_ == "endpoints":
            self._warm(new)
        elif type_ == "listeners" and "routes" not in self._asked:
            self._ask("routes", ["http"])
        elif type_ == "routes" and "hosts" not in self._asked:
            self._ask("hosts")

    def _warm(self, new: Resources) -> None:
        for name in self.held["endpoints"].keys() - self._asked["endpoints"]:
            del self.held["endpoints"][name]
        self._warming = {
            name for name in self._warming if needs(self.held["clusters"][name][1])[0] not in new
        }
        if not self._warming:
            self.requests.extend(self._late)
            self._late.clear()

    @property
    def cold(self) -> set[str]:
        """Clusters that still wait for a load assignment: a real Envoy would wait 15 s."""
        return self._warming

    # What must never happen

    def _clusters_named(self) -> set[str]:
        return {cluster for _, body in self.held["hosts"].values() for cluster in needs(body)}

    def _demand_unused(self, gone: set[str]) -> None:
        for cluster in gone & self.held["clusters"].keys():
            since = self.world.now - self._named.get(cluster, -GRACE)
            if cluster in self._clusters_named():
                self.wrong.append(f"{cluster} is removed while a route names it")
            elif since < GRACE - 1e-9:
                self.wrong.append(f"{cluster} is removed {since} s after its last route")

    def _demand_held(self, new: Resources) -> None:
        """Only a cluster that was refused may be missing."""
        for host, (_, body) in new.items():
            for cluster in needs(body):
                has = cluster in self.held["clusters"]
                if not has and cluster not in self.world.ever_bad:
                    self.wrong.append(f"{host} is sent before {cluster}")
