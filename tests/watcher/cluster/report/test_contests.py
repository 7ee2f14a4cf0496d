"""Two that want different addresses for one Ingress; our chance is always the most that may be waited."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.watcher.cluster.report.server import Server
from tests.watcher.cluster.report.writing import WALL, row
from watcher.cluster.report.bucket import Bucket
from watcher.cluster.report.contests import Contests
from watcher.cluster.report.delivery import Delivery
from watcher.cluster.report.ingress_status import IngressStatus
from watcher.cluster.report.outbox import Outbox
from watcher.cluster.report.written import Written

US = "isoline/n/watcher"
WEB, SHOP = "Ingress/default/web", "Ingress/default/shop"


def path(ref: str) -> str:
    return f"/apis/networking.k8s.io/v1/namespaces/default/ingresses/{ref.rpartition('/')[2]}"


class World:
    """An Ingress that is served, one that is when a test says so, and what we write when, in seconds."""

    def __init__(self) -> None:
        self.server = Server()
        self.written: dict[str, Written] = {}
        self.table = {WEB: row(problems=[], routes=1)}
        self.contests = Contests(lambda: 1.0)
        self.core = IngressStatus(self.written, [self.table], US, self.contests)
        self.core.addresses = [{"ip": "192.0.2.1"}]
        self.now = 1000.0
        self.delivery = Delivery(
            Outbox(Bucket(20.0, 40), lambda: 0.5),
            lambda ref, now, _wall: self.core.write(ref, now),
            self.core.due,
        )
        self.times: list[float] = []
        for ref in (WEB, SHOP):
            self.other_writes("198.51.100.1", ref)

    def other_writes(self, ip: str, ref: str = WEB, by: str = "other") -> None:
        """And we see it."""
        status = {"loadBalancer": {"ingress": [{"ip": ip}]}}
        self.server.put(path(ref), {"metadata": {"name": ref.rpartition("/")[2]}, "status": status}, by)
        self.see(ref)

    def see(self, ref: str) -> None:
        self.written.pop(ref, None)
        if path(ref) in self.server.objects:
            self.written[ref] = Written.of(self.server.objects[path(ref)], US)
        self.delivery.outbox.add([ref])

    def send(self) -> bool:
        """All that is to be sent now; whether anything has been written."""
        wrote = len(self.server.wrote)
        while (request := self.delivery.next(self.now, WALL)) is not None:
            self.delivery.answered(self.server.answer(request), self.now)
        for ref in (WEB, SHOP):
            self.see(ref)
        if len(self.server.wrote) > wrote:
            self.times.append(self.now - 1000.0)
        return len(self.server.wrote) > wrote

    def fight(self, until: float) -> None:
        """Whenever we have written, the other does, at once."""
        while self.now < 1000.0 + until:
            if self.send():
                self.other_writes("198.51.100.1")
            else:
                self.now += 0.25

    def address(self, ip: str) -> None:
        self.core.addresses = [{"ip": ip}]
        self.delivery.outbox.add(self.written)

    @property
    def ips(self) -> list[str]:
        return [entry["ip"] for entry in self.server.entries(path(WEB))]


def test_what_is_overwritten_again_and_again_is_written_ever_more_slowly() -> None:
    """At once, when somebody has overwritten it once; then after 1, 2, 4 … seconds, at last five minutes."""
    world = World()

    world.fight(2000.0)

    assert world.times == [0, 0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 811, 1111, 1411, 1711]


def test_it_is_told_once_an_object_who_else_writes() -> None:
    """When it is the second time; and counted each time."""
    world = World()

    world.fight(100.0)

    assert [(each.ref, each.others, each.news) for each in world.contests.rewrites[:3]] == [
        (WEB, ("other",), False),
        (WEB, ("other",), True),
        (WEB, ("other",), False),
    ]
    assert len(world.contests.rewrites) == len(world.times) - 1
    assert [each.news for each in world.contests.rewrites].count(True) == 1


def test_addresses_that_move_are_written_at_once_however_often() -> None:
    """Also there and back, and while somebody else writes, too: what is slow is the same value only."""
    world = World()
    world.fight(100.0)

    for number in range(50):
        world.now += 0.25
        world.address(f"192.0.2.{number % 2 + 2}")
        assert world.send()
        world.other_writes("198.51.100.1")

    assert world.ips == ["198.51.100.1"]


def test_another_object_does_not_wait_for_a_contested_one() -> None:
    world = World()
    world.fight(100.0)

    world.table[SHOP] = row(problems=[], routes=1)
    world.see(SHOP)

    assert world.send()
    assert world.server.entries(path(SHOP)) == [{"ip": "192.0.2.1"}]


@pytest.mark.parametrize(("stood", "again"), [(299.0, False), (301.0, True)])
def test_what_has_stood_for_five_minutes_is_no_contest(stood: float, *, again: bool) -> None:
    """Then the next ones are the first ones: at once, and after a second."""
    world = World()
    world.fight(100.0)
    world.now = 1127.0
    assert world.send()

    world.now += stood
    world.other_writes("198.51.100.1")
    assert world.send()
    world.other_writes("198.51.100.1")
    world.now += 1.0

    assert world.send() == again


def test_an_ingress_that_is_made_anew_is_another() -> None:
    """Whoever deploys by deleting and creating is nobody who writes statuses."""
    world = World()
    for _ in range(20):
        assert world.send()
        del world.server.objects[path(WEB)]
        world.other_writes("198.51.100.1", by="")

    assert world.contests.rewrites == []


def test_what_comes_late_of_before_our_own_write_is_nobody_s() -> None:
    """The watch has not brought yet what we wrote; somebody touches the object meanwhile."""
    world = World()
    seen = world.written[WEB]
    world.send()

    for _ in range(5):
        world.written[WEB] = seen
        world.delivery.outbox.add([WEB])
        world.send()

    assert world.contests.rewrites == []
    assert world.ips == ["192.0.2.1"]


def test_who_gives_way_is_waited_for_no_longer() -> None:
    """The other puts our address back while we wait, and nothing is left to do."""
    world = World()
    world.fight(20.0)

    world.other_writes("192.0.2.1")
    world.now += 100.0

    assert not world.send()
    assert world.core.due(WEB) is None


def test_a_term_begins_without_contests() -> None:
    """Another leader knows of none either."""
    world = World()
    world.fight(100.0)

    world.core.begin()
    world.delivery.clear()
    world.see(WEB)

    assert world.send()


@pytest.mark.law
@given(st.lists(st.sampled_from([0.0, 0.1, 1.0, 20.0, 299.0]), max_size=200))
def test_however_somebody_else_writes_the_same_value_is_rewritten_seldom(pauses: list[float]) -> None:
    """Ten times at first, and then once in five minutes, but for what stands as long."""
    world = World()

    for pause in pauses:
        world.other_writes("198.51.100.1")
        world.send()
        world.now += pause

    assert len(world.contests.rewrites) <= 11 + (world.now - 1000.0) / 290.0
