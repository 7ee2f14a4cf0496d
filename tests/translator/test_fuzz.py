"""Whatever a user writes: never an exception, never what a real Envoy refuses, never one user's bytes in
another's.

`make fuzz` runs as many batches as the profile `fuzz` says.
"""

import hashlib
from collections.abc import Iterator

import orjson
import pytest
from envoy.config.route.v3 import route_components_pb2
from hypothesis import given
from hypothesis import strategies as st

from runtime.link.row import Change, Row
from tests.stories.objects import Object, ingress, path, reference, rule, service, slice_
from tests.translator.hostile import MARKS, MEGABYTE, TEXTS, hostile
from tests.translator.real_envoy import refusal
from translator.settings import Settings
from translator.translator import Translator
from watcher.kinds import READ, InvalidError, reduced

pytestmark = pytest.mark.law

BATCH = 50  # of a thousand batches 20,000 different objects pass the watcher
JUDGED = 1000
# With everything on that is off by default, so that all of it is asked.
SETTINGS = [
    Settings(clusters="all", enable_external_name=True),
    Settings(loopback_endpoints="allow", enable_external_name=True),
    Settings(),
]


class Judge:
    """Puts what has been made to a real Envoy, each resource once, a thousand at a time."""

    def __init__(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        self._seen: set[bytes] = set()
        self._waiting: dict[bytes, tuple[str, bytes]] = {}
        self._folders = tmp_path_factory

    def take(self, resources: dict[str, bytes]) -> None:
        """Asks when there is enough to ask about."""
        for key, body in resources.items():
            digest = hashlib.blake2s(key.encode(errors="replace") + b"\0" + body).digest()
            if digest not in self._seen:
                self._seen.add(digest)
                self._waiting[digest] = (key, body)
        if len(self._waiting) >= JUDGED:
            self.ask()

    def ask(self) -> None:
        """A batch that is refused is told with Envoy's words."""
        waiting, self._waiting = list(self._waiting.values()), {}
        assert refusal(waiting, self._folders.mktemp("envoy")) == ""


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    judge = Judge(tmp_path_factory)
    yield judge
    judge.ask()


def read(items: list[Object]) -> dict[str, Row]:
    """The rows that a watcher makes of these objects; one that an API server would refuse makes none."""
    rows = {}
    for item in items:
        kind = READ.get(str(item.get("kind")))
        try:
            kept = reduced(kind, item) if kind is not None else None
        except InvalidError:
            continue
        # A name is public, since who loses a path is told the winner's: no mark may stand in one.
        if kept is not None and not any(mark in kept[0] for mark in MARKS.values()):
            rows[kept[0]] = Row.of(orjson.dumps(kept[1]))
    return rows


@given(
    seeds=st.lists(st.integers(0, 2**48), min_size=BATCH, max_size=BATCH, unique=True),
    settings_=st.sampled_from(SETTINGS),
)
def test_no_object_whatever_breaks_anything_or_leaks(
    judge: Judge, seeds: list[int], settings_: Settings
) -> None:
    """So many at a time, in a world of two namespaces where all of them meet."""
    rows = read([hostile(seed) for seed in seeds])

    output = Translator(settings_).apply(Change(rows, frozenset(), synced=True))

    assert output is not None
    resources = {key: row.body for key, row in output.resources.puts.items()}
    assert list(leaks(resources, {ref: row.body for ref, row in output.statuses.puts.items()})) == []
    judge.take(resources)


def leaks(resources: dict[str, bytes], statuses: dict[str, bytes]) -> Iterator[str]:
    """Where one namespace's mark stands in what is another's. A host may be both's, but a route is one's."""
    owned = [(key.split("/")[1], key, body) for key, body in statuses.items()]
    for key, body in resources.items():
        type_, _, name = key.partition("/")
        if type_ == "hosts":
            held = route_components_pb2.VirtualHost.FromString(body).routes
            owned += [(one.name.split("/")[1], f"{key} {one.name}", one.SerializeToString()) for one in held]
        elif type_ in {"clusters", "endpoints"}:
            owned.append((name.split("/")[0], key, body))
    for namespace, where, body in owned:
        for other, mark in MARKS.items():
            if namespace in MARKS and other != namespace and mark.encode() in body:
                yield f"{mark} in {where}"


def test_a_leak_would_be_seen() -> None:
    """A check that sees nothing proves nothing."""
    assert list(leaks({"clusters/ns-a/web/80": b"mark-b"}, {"Ingress/ns-b/web": b"mark-a"})) == [
        "mark-a in Ingress/ns-b/web",
        "mark-b in clusters/ns-a/web/80",
    ]


KUARD = service("kuard", (80, "http"))
LARGE: dict[str, list[Object]] = {
    "10,000 rules": [
        ingress("web", *(rule(f"h{at}.com", path("/", "kuard:80")) for at in range(10_000))),
        KUARD,
    ],
    "10,000 paths of one host": [
        ingress("web", rule("a.com", *(path(f"/{at}", "kuard:80") for at in range(10_000)))),
        KUARD,
    ],
    "10,000 times the same path": [
        ingress("web", rule("a.com", *(path("/", "kuard:80") for _ in range(10_000)))),
        KUARD,
    ],
    "a path of 1 MB": [ingress("web", rule("a.com", path("/" + "a" * MEGABYTE, "kuard:80"))), KUARD],
    "a regex of 1 MB": [
        ingress(
            "web", rule("a.com", path("/" + "a+" * (MEGABYTE // 2), "kuard:80", "ImplementationSpecific"))
        ),
        KUARD,
    ],
    "annotations of 1 MB": [
        ingress(
            "web",
            to="kuard:80",
            annotations={
                f"projectcontour.io/{name}": character * MEGABYTE
                for name, character in (
                    ("response-timeout", "1"),
                    ("per-try-timeout", "1h"),
                    ("retry-on", "5xx,"),
                    ("num-retries", "9"),
                    ("websocket-routes", "/,"),
                    ("rewrite-path", "/a"),
                    ("x" * MEGABYTE, "x"),
                )
            },
        ),
        KUARD,
    ],
    "10,000 unknown annotations": [
        ingress(
            "web", to="kuard:80", annotations={f"projectcontour.io/retry-{at}": "" for at in range(10_000)}
        ),
        KUARD,
    ],
    "4,000 ports": [
        ingress("web", to="kuard:80"),
        service("kuard", *((at, f"p{at}") for at in range(1, 4_001))),
    ],
    "10,000 endpoints": [
        ingress("web", to="kuard:80"),
        KUARD,
        slice_("kuard", (80, "http"), *(f"10.1.{at // 256}.{at % 256}" for at in range(10_000))),
    ],
}


@pytest.mark.envoy
@pytest.mark.parametrize("items", LARGE.values(), ids=LARGE.keys())
def test_what_is_large_costs_no_more_than_what_it_is(judge: Judge, items: list[Object]) -> None:
    """It ends in seconds (the test's own timeout is the bound), and Envoy takes what comes of it."""
    rows = {reference(item): Row.of(orjson.dumps(item)) for item in items}

    output = Translator(Settings(clusters="all")).apply(Change(rows, frozenset(), synced=True))

    assert output is not None
    judge.take({key: row.body for key, row in output.resources.puts.items()})
    assert max(len(row.body) for row in output.statuses.puts.values()) < 8 * MEGABYTE


@pytest.mark.parametrize("value", TEXTS, ids=ascii)
def test_each_hostile_text_in_every_field_that_takes_a_string(judge: Judge, value: str) -> None:
    """One world for each text, where it is everything that can be written."""
    rows = read(
        [
            ingress("web", rule(value, path(value, "web:80", kind)), namespace="ns-a", created=value)
            for kind in ("Exact", "Prefix", "ImplementationSpecific", value)
        ]
        + [
            ingress("of-service", default=f"web:{value[:18]}", namespace="ns-a"),
            service(
                "web", {"port": 80, "name": value, "protocol": value, "appProtocol": value}, namespace="ns-a"
            ),
            service("out", 80, type="ExternalName", externalName=value, namespace="ns-a"),
            ingress("of-out", to="out:80", host="b.com", namespace="ns-a"),
            slice_("web", (80, value), endpoint_of(value), family="IPv4", namespace="ns-a"),
        ]
    )

    output = Translator(SETTINGS[0]).apply(Change(rows, frozenset(), synced=True))

    assert output is not None
    judge.take({key: row.body for key, row in output.resources.puts.items()})


def endpoint_of(value: str) -> Object:
    """An endpoint of which everything is that text."""
    return {"addresses": ["10.0.0.1", value], "zone": value, "conditions": {"ready": True}, "hostname": value}
