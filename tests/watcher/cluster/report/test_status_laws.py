"""Statuses under random histories: what came of them is what a fresh start would write."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.link.row import Row
from tests.watcher.cluster.report.server import Server, refused
from tests.watcher.cluster.report.writing import WALL, row
from watcher.cluster.answer import Answer
from watcher.cluster.report.bucket import Bucket
from watcher.cluster.report.contests import Contests
from watcher.cluster.report.delivery import Delivery
from watcher.cluster.report.ingress_status import Address, IngressStatus
from watcher.cluster.report.outbox import Outbox
from watcher.cluster.report.written import Written

pytestmark = pytest.mark.law

US = "isoline/n/watcher"
REFS = ("Ingress/a/one", "Ingress/a/two", "Ingress/b/one")
ADDRESSES: tuple[list[Address] | None, ...] = (
    None, [], [{"ip": "192.0.2.1"}], [{"ip": "192.0.2.1"}, {"hostname": "a.example"}]
)  # fmt: skip
OTHERS: tuple[list[Address], ...] = ([], [{"ip": "192.0.2.1", "ports": []}], [{"ip": "198.51.100.1"}])  # type: ignore[dict-item]
FAILURES = (
    None,
    refused(429, "busy", 3.0),
    refused(403, "rule"),
    refused(409, "modified"),
    refused(422, "bad"),
    refused(500, "etcd"),
)


def path(ref: str) -> str:
    _, namespace, name = ref.split("/")
    return f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses/{name}"


class World:
    """An API server, a watch that may be late, two translators, and who writes."""

    def __init__(self) -> None:
        self.server = Server()
        self.now = 1000.0
        self.failures = list[Answer | None]()
        self.tables = dict[str, Row](), dict[str, Row]()
        self.addresses: list[Address] | None = None
        self.start()

    def start(self) -> None:
        """Another leader, which has just listed everything."""
        self.written: dict[str, Written] = {}
        self.core = IngressStatus(self.written, self.tables, US, Contests(lambda: 0.5))
        self.core.addresses = self.addresses
        outbox = Outbox(Bucket(20.0, 40), lambda: 0.5)
        self.delivery = Delivery(outbox, lambda ref, now, _wall: self.core.write(ref, now), self.core.due)
        for ref in REFS:
            self.see(ref)

    def see(self, ref: str) -> None:
        """The watch has brought what is there, or that there is nothing."""
        self.written.pop(ref, None)
        if path(ref) in self.server.objects:
            self.written[ref] = Written.of(self.server.objects[path(ref)], US)
        self.delivery.outbox.add([ref])

    def put(self, ref: str, entries: list[Address], manager: str) -> None:
        status = {"loadBalancer": {"ingress": entries}}
        self.server.put(path(ref), {"metadata": {"name": ref.rpartition("/")[2]}, "status": status}, manager)

    def delete(self, ref: str) -> None:
        self.server.objects.pop(path(ref), None)

    def say(self, table: int, ref: str, routes: int | None) -> None:
        self.tables[table].pop(ref, None)
        if routes is not None:
            self.tables[table][ref] = row(problems=[], routes=routes)
        self.delivery.outbox.add([ref])

    def address(self, addresses: list[Address] | None) -> None:
        self.core.addresses = self.addresses = addresses
        self.delivery.outbox.add(self.written)

    def send(self, requests: int) -> None:
        for _ in range(requests):
            request = self.delivery.next(self.now, WALL)
            if request is not None:
                answer = self.failures.pop() if self.failures else self.server.answer(request)
                self.delivery.answered(answer, self.now)

    def calm(self) -> None:
        """No failures, a watch that is not late, and all the time that it takes."""
        self.failures = []
        for _ in range(20):
            for ref in REFS:
                self.see(ref)
            self.send(20)
            self.now += 400.0

    def stands(self) -> dict[str, object]:
        """What is in the API server, but for its versions."""
        return {ref: self.server.objects.get(path(ref), {}).get("status") for ref in REFS}


Step = Callable[[World], object]
ref = st.sampled_from(REFS)
steps = st.lists(
    st.one_of(
        st.builds(
            lambda ref, entries, manager: lambda world: world.put(ref, entries, manager),
            ref,
            st.sampled_from(OTHERS),
            st.sampled_from((US, "other")),
        ),
        st.builds(lambda ref: lambda world: world.delete(ref), ref),
        st.builds(lambda ref: lambda world: world.see(ref), ref),
        st.builds(
            lambda table, ref, routes: lambda world: world.say(table, ref, routes),
            st.integers(0, 1),
            ref,
            st.sampled_from((None, 0, 2)),
        ),
        st.builds(lambda addresses: lambda world: world.address(addresses), st.sampled_from(ADDRESSES)),
        st.builds(lambda failure: lambda world: world.failures.append(failure), st.sampled_from(FAILURES)),
        st.builds(lambda requests: lambda world: world.send(requests), st.integers(1, 6)),
        st.just(World.start),
    ),
    max_size=30,
)


@given(steps)
def test_any_history_ends_where_a_fresh_start_ends(history: list[Step]) -> None:
    """Conflicts, failures, a late watch, another leader: then all stands as it should, and who starts anew
    with that writes nothing.
    """
    world = World()
    for step in history:
        step(world)

    world.calm()
    stands = world.stands()
    wrote = len(world.server.wrote)
    world.start()
    world.calm()

    assert world.stands() == stands
    assert len(world.server.wrote) == wrote


@given(steps)
def test_in_the_end_the_served_have_our_addresses_and_the_others_none_of_ours(history: list[Step]) -> None:
    """Unless nobody knows them. What somebody else wrote where nothing is served stays."""
    world = World()
    for step in history:
        step(world)
    others = {
        ref: Written.of(world.server.objects[path(ref)], US)
        for ref in REFS
        if path(ref) in world.server.objects
    }

    world.calm()

    for ref, before in others.items():
        served = any(ref in table and table[ref] == row(problems=[], routes=2) for table in world.tables)
        found = Written.of(world.server.objects[path(ref)], US)
        addresses = world.core.addresses
        if addresses is None or not ((served and addresses) or before.ours):
            assert found == before
        else:
            left = {(entry.get("ip"), entry.get("hostname")) for entry in world.server.entries(path(ref))}
            meant = addresses if served else []
            assert left == {(entry.get("ip"), entry.get("hostname")) for entry in meant}
