"""Random histories of a small cluster: few names, so that everything meets everything.

Each batch is made from a seed. Drawn value by value, most histories would be larger than what hypothesis
takes for one example, and those that are left would hardly differ: a hundred of them made 55 resources, and
make 900 now.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

import orjson
from hypothesis import strategies as st

from runtime.link.row import Change, Row
from tests.stories.objects import (
    Object,
    delegation,
    endpoint,
    ingress,
    path,
    reference,
    rule,
    service,
    slice_,
    tls,
)
from tests.support.certificate import NOW, Pair, pair, secret
from translator.settings import Settings
from translator.translator import Translator

Event = tuple[str, Object | None]  # reference, and the object or None for its deletion

_NAMES = ["a", "b"]
_NAMESPACES = ["default", "other"]
_HOSTS = ["", "x.com", "X.com", "*.x.com", "y.x.com", "z.y.x.com", "*.y.x.com", "bad_host"]
_BACKENDS = ["a:80", "a:http", "b:80", "b:web", "c:80", "a:53"]
_PATHS = ["/", "/a", "/a/", "/ab", "/a/b", "/a//b", "/r.*", "/r[0-9]+", "/([", "x", ""]
_KINDS = ["Exact", "Prefix", "Prefix", "ImplementationSpecific", "ImplementationSpecific", "None"]
_CREATED = ["", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "never"]
_CLASSES = [None, None, None, "isoline", "edge", "nginx"]
_PORTS = [
    (80, "http"),
    (80, "web"),
    (8080, "http"),
    80,
    {"port": 53, "protocol": "UDP"},
    *(
        {"port": 80, "name": "http", "appProtocol": protocol}
        for protocol in ("kubernetes.io/h2c", "https", "http")
    ),
]
_ADDRESSES = {
    "IPv4": ["10.0.0.1", "10.0.0.2", "10.0.0.3", "127.0.0.1", "nowhere"],
    "IPv6": ["2001:db8::1", "2001:DB8::1", "2001:db8::2", "::1", "10.0.0.1"],
    "FQDN": ["a.com"],
}
_EXTERNAL = ["api.example.org", "www.example.org", "localhost", None]
_CONTOUR = "projectcontour.io/"
_OF_INGRESSES = {
    "projectcontour.io/ingress.class": ["isoline", "edge", "nginx"],
    "kubernetes.io/ingress.class": ["isoline", "edge", "nginx"],
    f"{_CONTOUR}response-timeout": ["5s", "infinity", "soon"],
    f"{_CONTOUR}request-timeout": ["7s"],
    f"{_CONTOUR}retry-on": ["5xx", "reset,gateway-error", "never"],
    f"{_CONTOUR}num-retries": ["3", "-1"],
    f"{_CONTOUR}websocket-routes": ["/", "/a", "/nowhere"],
    f"{_CONTOUR}rewrite-path": ["/", "/new", "/new/", "no path"],
    f"{_CONTOUR}tls-cert-namespace": _NAMESPACES,
    f"{_CONTOUR}tls-minimum-protocol-version": ["1.2", "1.3"],
    f"{_CONTOUR}tls-maximum-protocol-version": ["1.2", "1.3", "2"],
    "kubernetes.io/ingress.allow-http": ["false", "true"],
    "ingress.kubernetes.io/force-ssl-redirect": ["false", "true"],
    f"{_CONTOUR}unknown": ["1"],
}
_OF_SERVICES = {
    f"{_CONTOUR}max-connections": ["1", "2", "many"],
    f"{_CONTOUR}max-requests": ["1"],
    f"{_CONTOUR}max-retries": ["0", "7"],
    f"{_CONTOUR}per-host-max-connections": ["3"],
    f"{_CONTOUR}upstream-protocol.tls": ["http", "80"],
    f"{_CONTOUR}upstream-protocol.h2": ["web", "nowhere"],
    f"{_CONTOUR}upstream-protocol.h2c": ["80", "http,web"],
}
_TLS_HOSTS = ["x.com", "*.x.com", "y.x.com", "", "bad_host"]
_BROKEN = Pair(b"no certificate", b"no key")
_PAIRS = [_BROKEN, pair("x.com"), pair("x.com", number=1), pair("*.x.com", kind="RSA")]


def _annotations(chance: Random, values: dict[str, list[str]]) -> dict[str, str]:
    """Few of them at a time."""
    return {name: chance.choice(values[name]) for name in chance.sample(list(values), chance.randrange(4))}


def _ingress(chance: Random) -> Object:
    pick = chance.choice
    rules = [
        rule(pick(_HOSTS), path(pick(_PATHS), pick(_BACKENDS), pick(_KINDS)))
        for _ in range(chance.randrange(5))
    ]
    return ingress(
        pick(_NAMES),
        *rules,
        namespace=pick(_NAMESPACES),
        created=pick(_CREATED),
        default=pick(["", "", "a:80"]),
        annotations=_annotations(chance, _OF_INGRESSES),
        ingressClassName=pick(_CLASSES),
        tls=[_entry(chance) for _ in range(chance.choice([0, 0, 1, 2]))],
    )


def _ingress_class(chance: Random) -> Object:
    metadata: Object = {"name": chance.choice(["edge", "nginx"])}
    default = chance.choice(["", "", "", "true", "false", "yes"])
    if default:
        metadata["annotations"] = {"ingressclass.kubernetes.io/is-default-class": default}
    controller = chance.choice(["isoline.dev/ingress-controller", "example.com/other", None])
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": metadata,
        "spec": {"controller": controller},
    }


def _service(chance: Random) -> Object:
    ports = [chance.choice(_PORTS) for _ in range(chance.randrange(3))]
    kind = chance.choice(["ClusterIP", "ClusterIP", "ExternalName"])
    outside = {"externalName": chance.choice(_EXTERNAL)} if kind == "ExternalName" else {}
    namespace = chance.choice(_NAMESPACES)
    item = service(chance.choice(_NAMES), *ports, namespace=namespace, type=kind, **outside)
    item["metadata"]["annotations"] = _annotations(chance, _OF_SERVICES)
    return item


def _slice(chance: Random) -> Object:
    family = chance.choice(["IPv4", "IPv4", "IPv6", "FQDN"])
    listed = [
        endpoint(
            chance.choice(_ADDRESSES[family]),
            zone=chance.choice(["", "z", "y"]),
            **chance.choice(_CONDITIONS),
        )
        for _ in range(chance.randrange(5))
    ]
    return slice_(
        chance.choice(_NAMES),
        chance.choice([(80, "http"), (8080, "http"), (8080, "web"), 80]),
        *listed,
        name=chance.choice(["1", "2"]),
        namespace=chance.choice(_NAMESPACES),
        family=family,
    )


_CONDITIONS: list[dict[str, bool]] = [
    {},
    {"ready": False},
    {"ready": False, "serving": True, "terminating": True},
]


def _entry(chance: Random) -> Object:
    """One entry of an Ingress's `tls`."""
    hosts = [chance.choice(_TLS_HOSTS) for _ in range(chance.randrange(3))]
    return tls(*hosts, secret=chance.choice(["a", "b", "c", ""]))


def _secret(chance: Random) -> Object:
    return secret(chance.choice(_NAMES), chance.choice(_PAIRS), namespace=chance.choice(_NAMESPACES))


def _delegation(chance: Random) -> Object:
    to, namespace = chance.choice(_NAMESPACES), chance.choice(_NAMESPACES)
    return delegation(chance.choice(["a", "*"]), to, namespace=namespace)


def _event(chance: Random) -> Event:
    rare = [_ingress_class, _secret, _secret, _delegation]
    make = chance.choice([*[_ingress] * 4, *[_service] * 3, *[_slice] * 3, *rare])
    item = make(chance)
    return reference(item), chance.choice([item] * 7 + [None])


def _batch(seed: int, size: int) -> list[Event]:
    """Events as a watcher would send them at once; fewer are the beginning of more."""
    chance = Random(seed)
    return [_event(chance) for _ in range(size)]


_BATCHES = st.builds(_batch, seed=st.integers(0, 2**48), size=st.integers(1, 12))
histories = st.lists(_BATCHES, min_size=1, max_size=8)
settings = st.builds(
    Settings,
    clusters=st.sampled_from(["referenced", "all"]),
    loopback_endpoints=st.sampled_from(["allow", "refuse"]),
    default_certificate=st.sampled_from([None, "default/a"]),
    ingress_class=st.sampled_from([(), (), ("isoline", "edge")]),
    enable_external_name=st.booleans(),
)

# Every resource that any history has made.
MADE: set[tuple[str, bytes]] = set()

Tables = tuple[dict[str, Row], dict[str, Row]]


class Fed:
    """A translator that is fed batches, and the two tables that its output adds up to."""

    def __init__(self, settings_: Settings) -> None:
        self.translator = Translator(settings_)
        self.translator.advance(NOW.timestamp())
        self.tables: Tables = ({}, {})
        self.held: frozenset[str] = frozenset()

    def feed(
        self, puts: Mapping[str, Any], deletes: frozenset[str] = frozenset(), *, synced: bool = True
    ) -> None:
        """Applies what comes of it; nothing may, while the source is not synced."""
        rows = {ref: Row.of(orjson.dumps(item)) for ref, item in puts.items()}
        output = self.translator.apply(Change(rows, deletes, synced))
        assert (output is not None) == synced
        if output is None:
            return
        self.held = output.held
        MADE.update((key, row.body) for key, row in output.resources.puts.items())
        for table, batch in zip(self.tables, (output.resources, output.statuses), strict=True):
            table.update(batch.puts)
            for key in batch.deletes:
                del table[key]

    def batch(self, events: list[Event], *, synced: bool = True) -> None:
        """The newest of each object counts."""
        newest = dict(events)
        puts = {ref: item for ref, item in newest.items() if item is not None}
        self.feed(puts, frozenset(newest.keys() - puts.keys()), synced=synced)


def final(history: list[list[Event]]) -> dict[str, Object]:
    """The objects that a history ends with."""
    newest = dict(event for batch in history for event in batch)
    return {ref: item for ref, item in newest.items() if item is not None}


def last_good(history: list[list[Event]]) -> dict[str, Object]:
    """The last good version of each Secret that is bad at the end and has not been deleted since."""
    good: dict[str, Object] = {}
    for batch in history:
        for ref, item in dict(batch).items():
            if item is None:
                good.pop(ref, None)
            elif item["kind"] == "Secret" and item["data"] != secret("bad", _BROKEN)["data"]:
                good[ref] = item
    return good
