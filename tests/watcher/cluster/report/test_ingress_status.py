import pytest

from runtime.link.row import Row
from tests.watcher.cluster.report.server import Server, refused
from tests.watcher.cluster.report.writing import first, row, run
from watcher.cluster.report.contests import Contests
from watcher.cluster.report.ingress_status import Address, IngressStatus
from watcher.cluster.report.request import MERGE_PATCH, Request
from watcher.cluster.report.written import Written

US = "isoline/isoline-system/watcher"
WEB = "Ingress/shop/web"
PATH = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web"
OURS: Address = {"ip": "192.0.2.1"}
OTHERS: Address = {"hostname": "lb.example.com"}
SERVED, UNSERVED = row(problems=[], routes=2), row(problems=[], routes=0)


class World:
    """One Ingress in the API server, and as it was seen last; what one translator says of it."""

    def __init__(self, *entries: Address, by: str = "somebody") -> None:
        self.server = Server()
        self.written: dict[str, Written] = {}
        self.tables: list[dict[str, Row]] = [{}]
        self.core = IngressStatus(self.written, self.tables, US, Contests(lambda: 0.5))
        self.core.addresses = [OURS]
        self.other_writes(*entries, by=by)
        self.see()
        self.server.asked.clear()

    def other_writes(self, *entries: Address, by: str = "somebody", **more: object) -> None:
        body = {"metadata": {"name": "web"} | more, "status": {"loadBalancer": {"ingress": list(entries)}}}
        self.server.put(PATH, body, by)

    def see(self) -> None:
        """The watch has brought what is there."""
        self.written[WEB] = Written.of(self.server.objects[PATH], US)

    def entries(self) -> list[dict[str, str]]:
        return self.server.entries(PATH)


def test_an_ingress_with_a_route_gets_the_addresses() -> None:
    world = World()
    world.tables[0][WEB] = SERVED

    assert first(world.core.write(WEB, 0.0)) == Request(
        "PATCH",
        "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web/status",
        {
            "metadata": {"resourceVersion": "1"},
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
        },
        {"fieldManager": "isoline/isoline-system/watcher"},
        MERGE_PATCH,
    )


@pytest.mark.parametrize("said", [None, UNSERVED])
@pytest.mark.parametrize(
    ("addresses", "by", "left"),
    [
        ([OURS], US, []),
        ([OURS], "another controller", [OURS]),
        ([], US, []),
        ([], "another controller", [OURS]),
        (None, US, [OURS]),
    ],
    ids=["ours", "another's", "ours, no addresses", "another's, no addresses", "not known"],
)
def test_an_ingress_without_route_is_cleared_of_what_is_ours(
    said: Row | None, addresses: list[Address] | None, by: str, left: list[Address]
) -> None:
    world = World(OURS, by=by)
    world.core.addresses = addresses
    if said is not None:
        world.tables[0][WEB] = said

    assert run(world.core.write(WEB, 0.0), world.server) == "done"

    assert world.entries() == left


@pytest.mark.parametrize(
    ("by", "addresses", "left"), [(US, [], []), ("somebody", [], [OTHERS]), (US, None, [OTHERS])]
)
def test_envoys_without_address_take_ours_back_and_unknown_ones_nothing(
    by: str, addresses: list[Address] | None, left: list[Address]
) -> None:
    world = World(OTHERS, by=by)
    world.tables[0][WEB] = SERVED
    world.core.addresses = addresses

    run(world.core.write(WEB, 0.0), world.server)

    assert world.entries() == left


def test_another_s_addresses_give_way_where_we_serve() -> None:
    """The class was changed: the controller that had it before may have left its own."""
    world = World(OTHERS)
    world.tables[0][WEB] = SERVED

    run(world.core.write(WEB, 0.0), world.server)

    assert world.entries() == [OURS]


@pytest.mark.parametrize(
    "entries",
    [
        [{"ip": "192.0.2.1"}, {"hostname": "lb.example.com"}],
        [{"hostname": "lb.example.com"}, {"ip": "192.0.2.1"}],
        [{"hostname": "lb.example.com"}, {"ip": "192.0.2.1", "ports": [{"port": 80, "protocol": "TCP"}]}],
    ],
    ids=["as we write it", "in another order", "with ports"],
)
def test_what_means_the_same_is_not_written(entries: list[Address]) -> None:
    world = World(*entries)
    world.tables[0][WEB] = SERVED
    world.core.addresses = [OURS, OTHERS]

    assert first(world.core.write(WEB, 0.0)) is None


def test_one_of_several_translators_is_enough() -> None:
    world = World()
    world.tables.extend([{WEB: UNSERVED}, {WEB: SERVED}])

    run(world.core.write(WEB, 0.0), world.server)

    assert world.entries() == [OURS]


def test_an_ingress_that_is_gone_is_not_written() -> None:
    world = World()
    world.tables[0][WEB] = SERVED
    world.written.clear()

    assert first(world.core.write(WEB, 0.0)) is None


def test_a_conflict_is_resolved_by_reading_it_again() -> None:
    """Only labels have changed: the address is still to be written, with the new version."""
    world = World()
    world.tables[0][WEB] = SERVED
    world.other_writes(labels={"a": "b"})

    assert run(world.core.write(WEB, 0.0), world.server) == "done"

    assert world.entries() == [OURS]
    assert [method for method, _ in world.server.asked] == ["PATCH", "GET", "PATCH"]
    assert world.server.objects[PATH]["metadata"]["labels"] == {"a": "b"}


def test_what_a_conflict_has_brought_already_is_not_written_again() -> None:
    world = World()
    world.tables[0][WEB] = SERVED
    world.other_writes(OURS, by=US)

    assert run(world.core.write(WEB, 0.0), world.server) == "done"

    assert [method for method, _ in world.server.asked] == ["PATCH", "GET"]


def test_after_a_second_conflict_it_waits_its_turn() -> None:
    world = World()
    world.tables[0][WEB] = SERVED
    script = world.core.write(WEB, 0.0)
    next(script)
    read = script.send(refused(409, "modified"))
    script.send(world.server.answer(read))

    with pytest.raises(StopIteration) as stop:
        script.send(refused(409, "modified"))

    assert stop.value.value.outcome == "conflict"


@pytest.mark.parametrize("when", ["written", "read"])
def test_an_ingress_that_goes_meanwhile_is_forgotten(when: str) -> None:
    world = World()
    world.tables[0][WEB] = SERVED
    script = world.core.write(WEB, 0.0)
    next(script)
    if when == "read":
        script.send(refused(409, "modified"))

    with pytest.raises(StopIteration) as stop:
        script.send(refused(404, "not found"))

    assert stop.value.value.outcome == "gone"
