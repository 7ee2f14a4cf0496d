"""A world of hosts, clusters and load assignments whose bodies say in words what they are.

`h1 v0 of c0 c1` is a host, `c0 v2 of e0` a cluster; one with `bad` in it is refused by its peers.
"""

from dataclasses import dataclass, field

from runtime.link.row import Change, Row
from xds_server.resource_type import BY_KEY
from xds_server.server import Server

GRACE = 1.0
ALWAYS = {"listeners/http": Row.of(b"http", ("routes/http",)), "routes/http": Row.of(b"http ")}


def key_of(url: str) -> str:
    """`clusters` of a type URL."""
    return next(key for key, type_ in BY_KEY.items() if type_.url == url)


def named(body: bytes) -> str:
    """Whose body it is."""
    return body.partition(b" ")[0].decode()


def needs(body: bytes) -> list[str]:
    """What a host names as its clusters, a cluster as its load assignment."""
    return body.decode().partition(" of ")[2].split()


@dataclass
class World:
    """Hosts, each with a variant and the numbers of its clusters; `publish` makes a batch of what changed.

    Clusters c0 and c1 share the load assignment e0, as a Service's port by number and by name do.
    """

    server: Server = field(default_factory=lambda: Server(1, GRACE))
    hosts: dict[str, tuple[str, frozenset[int]]] = field(default_factory=dict)
    variants: dict[str, str] = field(default_factory=dict)
    ever_bad: set[str] = field(default_factory=set)
    ever: set[tuple[str, str]] = field(default_factory=set)
    again: set[tuple[str, str]] = field(default_factory=set)
    rows: dict[str, Row] = field(default_factory=dict)
    now: float = 0.0

    def publish(self) -> None:
        new = dict(ALWAYS)
        for host, (variant, clusters) in self.hosts.items():
            names = sorted(f"c{n}" for n in clusters)
            keys = tuple(f"clusters/{name}" for name in names)
            new[f"hosts/http/{host}"] = Row.of(f"http/{host} {variant} of {' '.join(names)}".encode(), keys)
            for n in clusters:
                new |= self._cluster(f"c{n}", f"e{n // 2}")
        puts = {key: row for key, row in new.items() if self.rows.get(key) != row}
        gone = frozenset(self.rows.keys() - new.keys())
        self.rows = new
        versions = {(key, row.version) for key, row in puts.items()}
        self.again |= versions & self.ever
        self.ever |= versions
        self.server.apply(0, Change(puts, gone, synced=True), self.now, 0.0)

    def _cluster(self, name: str, assignment: str) -> dict[str, Row]:
        variant, other = (self.variants.get(key, "v0") for key in (name, assignment))
        need = f"endpoints/{assignment}"
        return {
            f"clusters/{name}": Row.of(f"{name} {variant} of {assignment}".encode(), (need,)),
            need: Row.of(f"{assignment} {other}".encode()),
        }

    def vary(self, name: str, variant: str) -> None:
        """Another version of a cluster or a load assignment."""
        self.variants[name] = variant
        self.ever_bad.update({name} if variant == "bad" else ())

    def table(self, type_: str) -> dict[str, bytes]:
        """What is published now, by name."""
        prefix = f"{type_}/"
        return {
            key.removeprefix(prefix): row.body for key, row in self.rows.items() if key.startswith(prefix)
        }

    def inlined(self, type_: str) -> dict[str, bytes]:
        """As who does not take virtual hosts one by one gets it: field 2 of a route configuration."""
        found = self.table(type_)
        if type_ == "routes":
            hosts = (body for _, body in sorted(self.table("hosts").items()))
            found["http"] += b"".join(b"\x12" + bytes([len(body)]) + body for body in hosts)
        return found
