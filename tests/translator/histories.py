"""Random histories of a small cluster: few names, so that everything meets everything."""

from collections.abc import Mapping
from typing import Any

import orjson
from hypothesis import strategies as st

from runtime.link.row import Change, Row
from tests.stories.objects import Object, endpoint, ingress, path, reference, rule, service, slice_
from translator.settings import Settings
from translator.translator import Translator

Event = tuple[str, Object | None]  # reference, and the object or None for its deletion

_NAMES = st.sampled_from(["a", "b"])
_NAMESPACES = st.sampled_from(["default", "other"])
_HOSTS = st.sampled_from(["", "x.com", "X.com", "*.x.com", "y.x.com", "z.y.x.com", "*.y.x.com", "bad_host"])
_BACKENDS = st.sampled_from(["a:80", "a:http", "b:80", "b:web", "c:80", "a:53"])
_PATHS = st.sampled_from(["/", "/a", "/a/", "/ab", "/a/b", "/a//b", "/r.*", "/r[0-9]+", "/([", "x", ""])
_KINDS = st.sampled_from(["Exact", "Prefix", "Prefix", "ImplementationSpecific", "None"])
_CREATED = st.sampled_from(["", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "never"])
_CLASSES = st.sampled_from([None, None, None, "isoline", "edge", "nginx"])
_PORTS = st.sampled_from(
    [
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
)
_ADDRESSES = {
    "IPv4": ["10.0.0.1", "10.0.0.2", "10.0.0.3", "127.0.0.1", "nowhere"],
    "IPv6": ["2001:db8::1", "2001:DB8::1", "2001:db8::2", "::1", "10.0.0.1"],
    "FQDN": ["a.com"],
}
_EXTERNAL = st.sampled_from(["api.example.org", "www.example.org", "localhost", None])
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


def _annotations(values: dict[str, list[str]]) -> st.SearchStrategy[dict[str, str]]:
    """Few of them at a time."""
    one = st.sampled_from([(name, value) for name, listed in values.items() for value in listed])
    return st.lists(one, max_size=3).map(dict)


@st.composite
def _ingresses(draw: st.DrawFn) -> Object:
    rules = [
        rule(draw(_HOSTS), path(draw(_PATHS), draw(_BACKENDS), draw(_KINDS)))
        for _ in range(draw(st.integers(0, 4)))
    ]
    return ingress(
        draw(_NAMES),
        *rules,
        namespace=draw(_NAMESPACES),
        created=draw(_CREATED),
        default=draw(st.sampled_from(["", "", "a:80"])),
        annotations=draw(_annotations(_OF_INGRESSES)),
        ingressClassName=draw(_CLASSES),
    )


@st.composite
def _ingress_classes(draw: st.DrawFn) -> Object:
    metadata: Object = {"name": draw(st.sampled_from(["edge", "nginx"]))}
    default = draw(st.sampled_from(["", "true", "false", "yes"]))
    if default:
        metadata["annotations"] = {"ingressclass.kubernetes.io/is-default-class": default}
    controller = draw(st.sampled_from(["isoline.dev/ingress-controller", "example.com/other", None]))
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": metadata,
        "spec": {"controller": controller},
    }


@st.composite
def _services(draw: st.DrawFn) -> Object:
    ports = draw(st.lists(_PORTS, max_size=2))
    kind = draw(st.sampled_from(["ClusterIP", "ClusterIP", "ExternalName"]))
    outside = {"externalName": draw(_EXTERNAL)} if kind == "ExternalName" else {}
    item = service(draw(_NAMES), *ports, namespace=draw(_NAMESPACES), type=kind, **outside)
    item["metadata"]["annotations"] = draw(_annotations(_OF_SERVICES))
    return item


@st.composite
def _slices(draw: st.DrawFn) -> Object:
    family = draw(st.sampled_from(["IPv4", "IPv4", "IPv6", "FQDN"]))
    listed = [
        endpoint(
            draw(st.sampled_from(_ADDRESSES[family])),
            zone=draw(st.sampled_from(["", "z", "y"])),
            **conditions,
        )
        for conditions in draw(st.lists(st.sampled_from(_CONDITIONS), max_size=4))
    ]
    of, port = draw(_NAMES), draw(st.sampled_from([(80, "http"), (8080, "http"), (8080, "web"), 80]))
    return slice_(
        of,
        port,
        *listed,
        name=draw(st.sampled_from(["1", "2"])),
        namespace=draw(_NAMESPACES),
        family=family,
    )


_CONDITIONS: list[dict[str, bool]] = [
    {},
    {"ready": False},
    {"ready": False, "serving": True, "terminating": True},
]

objects = st.one_of(_ingresses(), _ingresses(), _services(), _services(), _slices(), _ingress_classes())


@st.composite
def _events(draw: st.DrawFn) -> Event:
    item = draw(objects)
    return reference(item), draw(st.sampled_from([item, item, item, None]))


# Batches of events, as a watcher would send them.
histories = st.lists(st.lists(_events(), min_size=2, max_size=8), min_size=2, max_size=8)
settings = st.builds(
    Settings,
    clusters=st.sampled_from(["referenced", "all"]),
    loopback_endpoints=st.sampled_from(["allow", "refuse"]),
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
        self.tables: Tables = ({}, {})

    def feed(
        self, puts: Mapping[str, Any], deletes: frozenset[str] = frozenset(), *, synced: bool = True
    ) -> None:
        """Applies what comes of it; nothing may, while the source is not synced."""
        rows = {ref: Row.of(orjson.dumps(item)) for ref, item in puts.items()}
        output = self.translator.apply(Change(rows, deletes, synced))
        assert (output is not None) == synced
        if output is None:
            return
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
