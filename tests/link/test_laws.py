from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.link.publisher import Publisher
from runtime.link.row import Row
from tests.link.wire import Wire

pytestmark = pytest.mark.law

KEYS = ("a", "b", "c", "d")
# Long rows travel in pieces; each has the origin of its letter, so that `held` matters.
BODIES = (b"1", b"2", b"3" * 150_000)
key = st.sampled_from(KEYS)
row = st.tuples(st.sampled_from(BODIES), st.sampled_from(("", "file-1", "file-2")))
which = st.integers(0, 1)
at = st.integers(0, 40)
held = st.frozensets(st.sampled_from(("file-1", "file-2", "c")))

Step = Callable[[Wire], object]


def put(publisher: int, name: str, what: tuple[bytes, str]) -> Step:
    return lambda wire: wire.publish(publisher, {name: Row.of(what[0], origin=what[1])})


def delete(publisher: int, name: str) -> Step:
    return lambda wire: wire.publish(publisher, {}, (name,))


def hold(publisher: int, origins: frozenset[str]) -> Step:
    return lambda wire: wire.publish(publisher, {}, held=origins)


steps = st.lists(
    st.one_of(
        st.builds(put, which, key, row),
        st.builds(put, which, key, row),
        st.builds(delete, which, key),
        st.builds(lambda n: lambda wire: wire.deliver(n), st.integers(1, 8)),
        st.builds(lambda n: lambda wire: wire.deliver(n), st.integers(1, 40)),
        st.builds(lambda n: lambda wire: wire.lose(n), at),
        st.builds(lambda n: lambda wire: wire.double(n), at),
        st.builds(lambda n: lambda wire: wire.delay(n), at),
        st.builds(lambda n: lambda wire: wire.restart(n), which),
        st.sampled_from([Wire.switch, Wire.beat, Wire.take, Wire.lose_requests]),
    ),
    max_size=40,
)


@given(steps)
def test_a_replica_ends_equal_to_its_publisher_whatever_happened_on_the_way(history: list[Step]) -> None:
    """Drops, duplicates, reordering, restarts and two publishers: once the network is calm and the publisher
    complete, replica and consumer hold its rows alone, and all the while whole batches only.
    """
    wire = Wire()
    for step in history:
        step(wire)
    wire.publish(wire.connected, {})

    wire.calm()

    assert wire.replica.rows == wire.publisher.rows
    assert wire.taken == wire.publisher.rows
    assert wire.synced
    assert wire.wrong == []


@given(steps)
def test_a_publisher_that_is_not_complete_takes_nothing_away(history: list[Step]) -> None:
    """A publisher that has just restarted and knows nothing yet leaves its replica as it was."""
    wire = Wire()
    for step in history:
        step(wire)
    wire.publish(wire.connected, {})
    wire.calm()
    before = dict(wire.replica.rows)

    wire.restart(wire.connected)
    wire.publisher.publish({"a": Row.of(b"new")}, (), synced=None, held=None, at=0.0)
    wire.calm()

    assert wire.replica.rows == before
    assert wire.synced
    assert wire.replica.requests(wire.now + 100.0) == []


held_steps = st.lists(
    st.one_of(
        steps.map(lambda history: history[:6]),
        st.lists(st.builds(hold, which, held), min_size=1, max_size=2),
    ),
    max_size=8,
).map(lambda parts: [step for part in parts for step in part])


@given(held_steps, held)
def test_only_rows_of_held_origins_outlive_a_publisher_that_does_not_have_them(
    history: list[Step], last: frozenset[str]
) -> None:
    """With `held`, what the publisher has is there as it has it, and what else is there is of a held origin;
    when nothing is held any more, that is gone.
    """
    wire = Wire()
    for step in history:
        step(wire)
    wire.publish(wire.connected, {}, held=last)
    wire.calm()

    beside = {name: row for name, row in wire.taken.items() if name not in wire.publisher.rows}
    assert {name: row for name, row in wire.taken.items() if name not in beside} == wire.publisher.rows
    assert {row.origin or name for name, row in beside.items()} <= last

    wire.publish(wire.connected, {}, held=frozenset())
    wire.calm()

    assert wire.taken == wire.publisher.rows
    assert wire.wrong == []


rows = st.dictionaries(key, row.map(lambda what: Row.of(what[0], origin=what[1])))


@given(rows, rows, rows, held)
def test_rows_of_held_origins_are_kept_through_a_restart(
    old: dict[str, Row], new: dict[str, Row], later: dict[str, Row], origins: frozenset[str]
) -> None:
    """A publisher that starts and can't know some origins changes nothing of theirs but what it has, until it
    knows them.
    """
    wire = Wire()
    wire.publish(0, old)
    wire.calm()

    wire.restart(0)
    wire.publish(0, new, held=origins)
    wire.calm()

    kept = {name: row for name, row in old.items() if name not in new and (row.origin or name) in origins}
    assert wire.taken == kept | new

    wire.publish(0, later)
    wire.publish(0, {}, held=frozenset())
    wire.deliver(20)
    wire.take()

    assert wire.taken == new | later
    assert wire.wrong == []


@given(st.lists(st.lists(st.binary(max_size=60), max_size=5), max_size=20), st.binary(max_size=200))
def test_no_bytes_break_a_replica(messages: list[list[bytes]], noise: bytes) -> None:
    """Garbage is counted and otherwise lost: the replica then follows as before."""
    wire = Wire()
    wire.publish(0, {"a": Row.of(b"1")})
    beat = Publisher("objects", "x").beat()

    for message in [*messages, [*beat[:2], noise, b""], [*beat[:2], noise], []]:
        wire.replica.receive(message, 0.0)
    wire.calm()

    assert wire.replica.counters.refused > 0
    assert wire.taken == {"a": Row.of(b"1")}
