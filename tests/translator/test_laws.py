"""Laws of the translator, over random histories."""

import copy
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from envoy.config.listener.v3.listener_pb2 import Listener
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.stories import handshake
from tests.stories.objects import Object, delegation, ingress, reference, service, slice_, tls
from tests.support.certificate import pair, secret
from tests.translator.histories import MADE, Event, Fed, final, histories, last_good, settings
from tests.translator.real_envoy import refusal
from translator import unknown_annotation
from translator.ingress.annotation import Annotation, UnusableError
from translator.settings import Settings

pytestmark = pytest.mark.law


@pytest.fixture(scope="module", autouse=True)
def a_real_envoy_refuses_nothing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever the histories have made is put to a real Envoy at the end, a thousand at a time."""
    yield

    made = sorted(MADE)
    for at in range(0, len(made), 1000):
        assert refusal(made[at : at + 1000], tmp_path_factory.mktemp("envoy")) == ""


@given(settings_=settings, history=histories, synced=st.lists(st.booleans(), min_size=8, max_size=8))
def test_any_history_ends_where_a_fresh_start_ends(
    settings_: Settings, history: list[list[Event]], synced: list[bool]
) -> None:
    """After any sequence of events both tables equal those of a translator given only the final objects, and
    before them the last good version of each Secret that has turned bad.
    """
    lived, fresh = Fed(settings_), Fed(settings_)

    for batch, complete in zip(history, synced, strict=False):
        lived.batch(batch, synced=complete)
    lived.feed({})
    fresh.feed(final(history) | last_good(history))
    fresh.feed(final(history))

    assert lived.tables == fresh.tables
    assert lived.held == fresh.held
    assert lived.translator.status() == fresh.translator.status()


@given(settings_=settings, history=histories, seed=st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(
    settings_: Settings, history: list[list[Event]], seed: random.Random
) -> None:
    """One at a time and in any order, the objects end in the same bytes."""
    together, apart = Fed(settings_), Fed(settings_)
    objects = list(final(history).items())
    together.feed(dict(objects))

    apart.feed({})
    seed.shuffle(objects)
    for ref, item in objects:
        apart.feed({ref: item})

    assert apart.tables == together.tables


@given(settings_=settings, history=histories, shards=st.integers(2, 4))
def test_n_shards_publish_what_one_publishes(
    settings_: Settings, history: list[list[Event]], shards: int
) -> None:
    """Every resource and every status comes from exactly one shard."""
    alone = Fed(settings_)
    parts = [Fed(replace(settings_, shards=shards, shard=shard)) for shard in range(shards)]

    for fed in [alone, *parts]:
        for batch in history:
            fed.batch(batch)

    for table in (0, 1):
        assert sum(len(part.tables[table]) for part in parts) == len(alone.tables[table])
        assert {k: row for part in parts for k, row in part.tables[table].items()} == alone.tables[table]
    assert sorted(key for part in parts for key in part.held) == sorted(alone.held)


HTTPS = "listeners/ingress_https"


def _is_unusable(annotation: Annotation[Any], value: str) -> bool:
    try:
        annotation.read(value)
    except UnusableError:
        return True
    return False


GOOD = (
    ingress("good", to="good:80", host="good.com", tls=[tls("good.com", secret="good")]),
    secret("good", pair("good.com")),
    service("good", (80, "http")),
    slice_("good", (8080, "http"), "10.0.0.1"),
)
BAD = (
    ingress(
        "bad",
        to="bad:80",
        host="bad.com",
        default="bad:80",
        created="2026-01-01T00:00:00Z",
        tls=[tls("bad.com", secret="bad")],
        annotations={"projectcontour.io/tls-cert-namespace": "default"},
    ),
    secret("bad", pair("bad.com")),
    delegation("bad", "other", namespace="default"),
    service("bad", (80, "http")),
    slice_("bad", (8080, "http"), "10.0.0.1"),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@given(data=st.data())
def test_a_broken_object_never_changes_what_another_made(data: st.DataObject) -> None:
    """Whatever stands in whichever field, nothing is raised, and the neighbours' resources stay to the
    byte; the one listener for all answers their handshakes as before.
    """
    fed = Fed(Settings())
    fed.feed({reference(item): item for item in GOOD})
    before = dict(fed.tables[0])
    chain = handshake.answer(Listener.FromString(before.pop(HTTPS).body), "good.com")

    fed.feed({reference(item): _broken(item, data) for item in BAD})

    assert {key: fed.tables[0].get(key) for key in before} == before
    assert handshake.answer(Listener.FromString(fed.tables[0][HTTPS].body), "good.com") == chain
    assert "Ingress/default/good" in fed.tables[1]


def _ours(**spec: object) -> Object:
    """An Ingress of our class whatever the settings are, with a `spec` that none of the world's has."""
    annotations = {"projectcontour.io/ingress.class": "isoline"}
    return ingress("broken", annotations=annotations) | {"spec": spec}


def _rules(host: object, path_: object) -> Object:
    return _ours(rules=[{"host": host, "http": {"paths": [path_]}}])


NOBODY = {"service": {"name": "nobody", "port": {"number": 80}}}
PATH = {"path": "/", "pathType": "Prefix", "backend": NOBODY}
CLASS = {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "broken"}}
# Nothing of them can be served.
BROKEN: list[Object] = [
    _ours(rules="all"),
    _ours(rules=[None]),
    _ours(rules=[{"host": "x.com", "http": {"paths": 7}}]),
    _ours(defaultBackend={"resource": {"kind": "Bucket", "name": "b"}}),
    *(_rules(host, PATH) for host in (7, ["x.com"], "x..com", "10.0.0.1", "*", "*.*.com", "x.com:80")),
    *(_rules("x.com", path_) for path_ in (None, "/", PATH | {"pathType": "Regex"}, PATH | {"path": "a"})),
    _rules("x.com", PATH | {"path": "/(", "pathType": "ImplementationSpecific"} | {"path": "/([*"}),
    _rules("x.com", PATH | {"backend": {"resource": {"kind": "Bucket", "name": "b"}}}),
    service("broken", {"port": 0}),
    service("broken", {"port": "http"}, type=7),
    service("broken", 80) | {"spec": ["ports"]},
    slice_("a", (80, "http"), "nowhere", name="broken"),
    slice_("a", (80, "http"), "10.0.0.1", name="broken", family="IPv6"),
    slice_("b", (70000, "http"), "10.0.0.1", name="broken"),
    slice_("a", 80, name="broken") | {"endpoints": "10.0.0.1"},
    CLASS | {"spec": {"controller": 7}},
    CLASS | {"spec": None},
]


@given(settings_=settings, history=histories, broken=st.sampled_from(BROKEN))
def test_a_good_world_and_a_broken_object_are_the_good_world_and_a_problem(
    settings_: Settings, history: list[list[Event]], broken: Object
) -> None:
    """To the byte, of every other object; and the broken one's owner is told."""
    good, more, ref = Fed(settings_), Fed(settings_), reference(broken)
    world = final(history)
    good.feed(world)

    more.feed(world | {ref: broken})
    told = more.tables[1].pop(ref)

    assert more.tables == good.tables
    assert orjson.loads(told.body)["problems"]


UNUSABLE = [
    (annotation, value)
    for annotation in unknown_annotation.ALL
    for value in (
        "",
        "-2",
        "no path",
        "none,5xx",
        "1e9",
        "nowhere",
        "TRUE",
        "\r\nx: y",
        "/a\0b",
        "%",
        "1h" * 9999,
    )
    if _is_unusable(annotation, value)
]


@given(settings_=settings, history=histories, unusable=st.sampled_from(UNUSABLE), data=st.data())
def test_an_unusable_annotation_is_as_good_as_none(
    settings_: Settings,
    history: list[list[Event]],
    unusable: tuple[Annotation[Any], str],
    data: st.DataObject,
) -> None:
    """Whatever the world is: what Envoy holds is the same without it, and so is what the others are told."""
    annotation, value = unusable
    world = final(history)
    refs = [ref for ref in world if ref.partition("/")[0] in annotation.kinds]
    assume(refs)
    ref = data.draw(st.sampled_from(sorted(refs)))
    without, with_ = copy.deepcopy(world[ref]), copy.deepcopy(world[ref])
    without["metadata"].setdefault("annotations", {}).pop(annotation.name, None)
    with_["metadata"].setdefault("annotations", {})[annotation.name] = value
    good, bad = Fed(settings_), Fed(settings_)
    good.feed(world | {ref: without})

    bad.feed(world | {ref: with_})

    assert bad.tables[0] == good.tables[0]
    assert {**bad.tables[1], ref: None} == {**good.tables[1], ref: None}


def _broken(item: Object, data: st.DataObject) -> Object:
    """The object with another value somewhere below `metadata` or `spec`."""
    if not isinstance(item, dict | list) or not item or data.draw(st.integers(0, 3)) == 0:
        return data.draw(VALUES)
    keys = list(item) if isinstance(item, dict) else list(range(len(item)))
    at = data.draw(st.sampled_from(keys))
    changed = item.copy()
    changed[at] = _broken(item[at], data)
    return changed
