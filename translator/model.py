"""The small model between the front ends and Envoy: front ends write it, the Envoy side reads nothing else.

virtual host → routes → match and action → backend; host → TLS → Secrets.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum


class PathKind(IntEnum):
    """How a path is compared; the order is that of precedence, but both prefixes rank alike."""

    EXACT = 0
    REGEX = 1
    PREFIX = 2  # by element: /foo matches /foo/bar, not /foobar
    STRING_PREFIX = 3


@dataclass(frozen=True, slots=True)
class Match:
    """What a route takes. A path of kind PREFIX carries no slash at its end, unless it is `/`."""

    kind: PathKind
    path: str

    @property
    def order(self) -> tuple[object, ...]:
        """Sorts the routes of a host: Exact, Regex, Prefix; the longer first; then reverse lexicographic."""
        rank = min(self.kind, PathKind.PREFIX)
        return rank, -len(self.path), tuple(-ord(character) for character in self.path), self.kind


@dataclass(frozen=True, slots=True)
class Backend:
    """Where requests go: a cluster, and the load assignment that lists its endpoints; both are names of
    resources. A cluster whose endpoints come by DNS has no load assignment: it is empty.
    """

    cluster: str
    assignment: str


class Speech(Enum):
    """What the endpoints of a cluster are spoken to in. The certificates of the TLS ones are not checked."""

    HTTP1 = "HTTP/1.1"
    H2C = "HTTP/2"
    TLS = "HTTP/1.1 over TLS"
    H2 = "HTTP/2 over TLS"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one Envoy may do at a time to one cluster, `connections_per_host` to one endpoint of it; None =
    Envoy's default.
    """

    connections: int | None = None
    pending_requests: int | None = None
    requests: int | None = None
    retries: int | None = None
    connections_per_host: int | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class External:
    """A host outside, found by DNS; its name may be an IPv4 address, which is found at once."""

    name: str
    port: int

    @property
    def server_name(self) -> str:
        """What TLS calls it; an address has no name (RFC 6066, section 3)."""
        return "" if self.name.replace(".", "").isdigit() else self.name


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a cluster is made of: endpoints that come as a load assignment, or a host outside."""

    endpoints: str | External
    speech: Speech = Speech.HTTP1
    limits: Limits = NO_LIMITS


@dataclass(frozen=True, slots=True)
class Retry:
    """When a request is sent again: Envoy's conditions, how often, and the seconds of one try (None = no
    limit).
    """

    on: str
    count: int
    per_try_timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Forward:
    """Sends the request to a backend. `timeout` in seconds; None = Envoy's default, 0 = none.

    `rewrite` replaces the path that the route matches; one slash stays between it and what follows.
    """

    backend: Backend
    timeout: float | None = None
    retry: Retry | None = None
    websocket: bool = False
    rewrite: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Answers the request itself, with a status and no body."""

    status: int


@dataclass(frozen=True, slots=True)
class Redirect:
    """Answers 301: the same over HTTPS, at this port."""

    port: int


Action = Forward | Answer | Redirect


class Plain(IntEnum):
    """What becomes of a route over HTTP without TLS."""

    SERVED = 0
    REDIRECTED = 1
    ABSENT = 2


@dataclass(frozen=True, slots=True)
class Route:
    """One route of one object: `source` is its reference, `field` the place in it that asked for this
    route.
    """

    match: Match
    action: Action
    source: str
    field: str
    fallback: bool = False  # a default backend: any explicit route for all paths beats it
    plain: Plain = Plain.SERVED


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """The routes of one host in the order in which they are tried. `host` is exact, `*.foo.com` or `*`."""

    host: str
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class TlsVersions:
    """The lowest and the highest version of TLS, 1.2 or 1.3."""

    low: str = "1.2"
    high: str = "1.3"


@dataclass(frozen=True, slots=True)
class TlsClaim:
    """One object brings a Secret for a host; `field` names the Secret and `place` the host in it."""

    host: str
    secret: str  # namespace/name
    versions: TlsVersions
    field: str
    place: str


@dataclass(frozen=True, slots=True)
class Tls:
    """How handshakes of a host are answered: Secrets `namespace/name` of different key types, sorted.

    `default` is the default certificate's, for handshakes that name no host that has TLS of its own.
    """

    secrets: tuple[str, ...]
    versions: TlsVersions = TlsVersions()
    default: bool = False

    @property
    def key(self) -> str:
        """All of it as text, for values that are made of it."""
        return " ".join([str(int(self.default)), self.versions.low, self.versions.high, *self.secrets])

    @classmethod
    def of(cls, key: str) -> "Tls":
        """The one of that key."""
        default, low, high, *secrets = key.split()
        return cls(tuple(secrets), TlsVersions(low, high), default=default == "1")
