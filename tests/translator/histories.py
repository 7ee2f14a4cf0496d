"""Random histories of a small cluster: few names, so that everything meets everything."""

from collections.abc import Mapping
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

_NAMES = st.sampled_from(["a", "b"])
_NAMESPACES = st.sampled_from(["default", "other"])
_HOSTS = st.sampled_from(["", "x.com", "X.com", "*.x.com", "y.x.com", "bad_host"])
_BACKENDS = st.sampled_from(["a:80", "a:http", "b:80", "b:web", "c:80", "a:53"])
_PATHS = st.sampled_from(["/", "/a", "/a/", "/ab", "/r.*", "/(["])
_KINDS = st.sampled_from(["Exact", "Prefix", "ImplementationSpecific", "None"])
_CREATED = st.sampled_from(["", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "never"])
_CLASSES = st.sampled_from([None, None, None, "isoline", "nginx"])
_H2C = {"port": 80, "name": "http", "appProtocol": "kubernetes.io/h2c"}
_UDP = {"port": 53, "protocol": "UDP"}
_PORTS = st.sampled_from([(80, "http"), (80, "web"), (8080, "http"), 80, _H2C, _UDP])
_ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", "127.0.0.1", "nowhere"])
_TLS_HOSTS = st.sampled_from(["x.com", "*.x.com", "y.x.com", "", "bad_host"])
_ANNOTATIONS = st.fixed_dictionaries(
    {},
    optional={
        "projectcontour.io/tls-cert-namespace": _NAMESPACES,
        "projectcontour.io/tls-minimum-protocol-version": st.sampled_from(["1.2", "1.3"]),
        "projectcontour.io/tls-maximum-protocol-version": st.sampled_from(["1.2", "1.3", "2"]),
        "kubernetes.io/ingress.allow-http": st.sampled_from(["false", "true"]),
        "ingress.kubernetes.io/force-ssl-redirect": st.sampled_from(["false", "true"]),
    },
)
_ENTRIES = st.builds(
    lambda hosts, name: tls(*hosts, secret=name),
    st.lists(_TLS_HOSTS, max_size=2),
    st.sampled_from(["a", "b", "c", ""]),
)
_BROKEN = Pair(b"no certificate", b"no key")
_PAIRS = st.sampled_from([_BROKEN, pair("x.com"), pair("x.com", number=1), pair("*.x.com", kind="RSA")])


@st.composite
def _ingresses(draw: st.DrawFn) -> Object:
    rules = [
        rule(draw(_HOSTS), path(draw(_PATHS), draw(_BACKENDS), draw(_KINDS)))
        for _ in range(draw(st.integers(0, 3)))
    ]
    return ingress(
        draw(_NAMES),
        *rules,
        namespace=draw(_NAMESPACES),
        created=draw(_CREATED),
        default=draw(st.sampled_from(["", "", "a:80"])),
        ingressClassName=draw(_CLASSES),
        annotations=draw(_ANNOTATIONS),
        tls=draw(st.lists(_ENTRIES, max_size=2)),
    )


@st.composite
def _services(draw: st.DrawFn) -> Object:
    ports = draw(st.lists(_PORTS, max_size=2))
    kind = draw(st.sampled_from(["ClusterIP", "ClusterIP", "ExternalName"]))
    return service(draw(_NAMES), *ports, namespace=draw(_NAMESPACES), type=kind)


@st.composite
def _slices(draw: st.DrawFn) -> Object:
    listed = [
        endpoint(draw(_ADDRESSES), zone=draw(st.sampled_from(["", "z"])), **conditions)
        for conditions in draw(st.lists(st.sampled_from(_CONDITIONS), max_size=3))
    ]
    of, port = draw(_NAMES), draw(st.sampled_from([(80, "http"), (8080, "web"), 80]))
    return slice_(of, port, *listed, name=draw(st.sampled_from(["1", "2"])), namespace=draw(_NAMESPACES))


_CONDITIONS: list[dict[str, bool]] = [
    {},
    {"ready": False},
    {"ready": False, "serving": True, "terminating": True},
]

_secrets = st.builds(lambda n, p, ns: secret(n, p, namespace=ns), _NAMES, _PAIRS, _NAMESPACES)
_delegations = st.builds(
    lambda name, to, namespace: delegation(name, to, namespace=namespace),
    st.sampled_from(["a", "*"]),
    _NAMESPACES,
    _NAMESPACES,
)

objects = st.one_of(_ingresses(), _services(), _slices(), _secrets, _delegations)


@st.composite
def _events(draw: st.DrawFn) -> Event:
    item = draw(objects)
    return reference(item), draw(st.sampled_from([item, item, item, None]))


# Batches of events, as a watcher would send them.
histories = st.lists(st.lists(_events(), min_size=1, max_size=4), min_size=1, max_size=8)
settings = st.builds(
    Settings,
    clusters=st.sampled_from(["referenced", "all"]),
    loopback_endpoints=st.sampled_from(["allow", "refuse"]),
    default_certificate=st.sampled_from([None, "default/a"]),
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
