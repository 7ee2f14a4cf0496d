"""Laws of the cores under any history of a server and of its moods."""

import copy

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.watcher.cluster.bodies import Body, delegation, secret, service
from tests.watcher.cluster.connection import MOODS
from tests.watcher.cluster.driven import DELEGATIONS, SERVICES
from tests.watcher.cluster.store import reference
from tests.watcher.cluster.together import CERTIFICATES, OPAQUE
from tests.watcher.cluster.world import World

pytestmark = pytest.mark.law

SOURCES = [SERVICES, CERTIFICATES, OPAQUE, DELEGATIONS]
# Few objects of few kinds, so that everything meets everything; a Secret's name may be of either type.
OBJECTS: list[Body] = [
    service("a"),
    service("a", port=81),
    {**service("a"), "status": {}},
    service("b"),
    service("c"),
    secret("s"),
    secret("s", type_="Opaque"),
    {**secret("t", type_="Opaque"), "data": {}},
    delegation("d"),
]
PUTS = st.tuples(st.just("put"), st.integers(0, len(OBJECTS) - 1))
DELETES = st.tuples(st.just("delete"), st.integers(0, len(OBJECTS) - 1))
# To everybody, or to one.
FEELS = st.tuples(st.just("feels"), st.sampled_from(MOODS), st.sampled_from([None, *range(len(SOURCES))]))
# Seconds: a step of the clock, a back-off, the hold, an outage, and longer than a watch lasts.
WAITS = st.tuples(st.just("wait"), st.sampled_from([0.0, 0.1, 1.0, 6.0, 40.0, 700.0]))
STEPS = st.one_of(PUTS, DELETES, FEELS, WAITS, st.just(("compact",)))
HISTORIES = st.tuples(st.integers(0, 2**16), st.lists(STEPS, max_size=25))


def put(world: World, object_: Body) -> None:
    """A Secret's type is for ever, so another one is another Secret."""
    ref = ref_of(object_)
    before = world.store.objects.get(ref)
    if before is not None and before.get("type") != object_.get("type"):
        world.store.delete(ref)
    world.store.put(copy.deepcopy(object_))


def ref_of(object_: Body) -> str:
    return reference(object_["kind"], object_["metadata"]["name"])


def lived(history: tuple[int, list[tuple[object, ...]]]) -> World:
    """After each step the server and the cores have done all that is due."""
    seed, steps = history
    world = World(SOURCES, seed)
    for step in steps:
        match step:
            case ("put", int(number)):
                put(world, OBJECTS[number])
            case ("delete", int(number)):
                world.store.delete(ref_of(OBJECTS[number]))
            case ("feels", str(mood), to):
                world.feels(mood, to)
            case ("compact",):
                world.store.compact()
            case ("wait", float(seconds)):
                world.wait(seconds)
        world.wait(0.0)
    return world


@given(HISTORIES)
def test_the_table_ends_as_the_server_has_it(history: tuple[int, list[tuple[object, ...]]]) -> None:
    """Once it is well for longer than a watch lasts, whatever happened before."""
    world = lived(history)

    world.feels("well", None)
    world.wait(700.0)

    assert world.cluster.complete
    assert {each.reflector.state for each in world.connections} == {"watching"}
    usable = {ref: each for ref, each in world.store.objects.items() if each.get("data") != {}}
    assert {ref: told(orjson.loads(row.body)) for ref, row in world.table.items()} == {
        ref: told(object_) for ref, object_ in usable.items()
    }


def told(object_: Body) -> object:
    """What distinguishes the objects of these histories."""
    return object_["metadata"]["uid"], object_.get("spec"), object_.get("type")


@pytest.mark.parametrize("mood", ["cuts lists", "offers no streams", "ignores sendInitialEvents"])
@given(st.lists(st.one_of(PUTS, DELETES, WAITS, st.just(("compact",))), max_size=25))
def test_a_cluster_whose_lists_never_come_as_streams_is_listed(
    mood: str, steps: list[tuple[object, ...]]
) -> None:
    """Nor does what expires stay unknown."""
    world = lived((1, [("feels", mood, None), *steps]))

    world.wait(700.0)

    assert world.cluster.complete
    usable = [ref for ref, each in world.store.objects.items() if each.get("data") != {}]
    assert sorted(world.table) == sorted(usable)


@given(HISTORIES)
def test_no_object_that_exists_is_ever_gone(history: tuple[int, list[tuple[object, ...]]]) -> None:
    """Once it was given out: it is taken away when it was deleted, and for nothing else."""
    world = lived(history)

    world.feels("well", None)
    world.wait(700.0)

    assert world.wrong == []
