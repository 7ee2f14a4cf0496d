"""What is told of objects, in the order in which it is told. `told` is what an Event of the model says."""

from collections.abc import Iterator

import pytest

from runtime.link.row import Row
from tests.watcher.cluster.report.server import Server, refused
from tests.watcher.cluster.report.writing import WALL, first, row, run
from watcher.cluster.report.problem_events import ProblemEvents

WEB, API = "Ingress/shop/web", "Service/shop/api"
EVENTS = "/apis/events.k8s.io/v1/namespaces/shop/events/"


def problem(message: str, severity: str = "error", field: str = "spec") -> dict[str, str]:
    return {"severity": severity, "reason": "ServiceNotFound", "message": message, "field": field}


class World:
    """An Ingress and a Service, two translators; we have begun a term."""

    def __init__(self) -> None:
        self.server = Server()
        self.tables: list[dict[str, Row]] = [{}, {}]
        self.rows = {ref: self.object(ref, f"u-{ref}") for ref in (WEB, API)}
        self.start()

    def start(self) -> None:
        """Another leader, or we after a restart."""
        self.core = ProblemEvents(self.rows, self.tables, "us")

    def object(self, ref: str, uid: str) -> Row:
        kind, namespace, name = ref.split("/")
        version = "networking.k8s.io/v1" if kind == "Ingress" else "v1"
        return row(kind=kind, apiVersion=version, metadata={"name": name, "namespace": namespace, "uid": uid})

    def say(self, *problems: dict[str, str], ref: str = WEB, table: int = 0) -> None:
        self.tables[table][ref] = row(problems=problems, routes=1)

    def write(self, now: float = 0.0, ref: str = WEB) -> str:
        return run(self.core.write(ref, now, WALL + int(now * 1e6)), self.server)

    def asked(self) -> list[str]:
        """The methods of the requests since the last time."""
        methods = [method for method, _ in self.server.asked]
        self.server.asked.clear()
        return methods

    def told(self) -> Iterator[str]:
        """Each Event in the API server."""
        for path, event in self.server.objects.items():
            assert path.startswith(EVENTS)
            count = event.get("series", {}).get("count", 1)
            yield f"{event['type']} {event['reason']} {event['note']} x{count}"


def test_each_problem_is_told_once_errors_first() -> None:
    world = World()
    world.say(problem("late", "warning"), problem("gone"))

    outcomes = world.write(), world.write(), world.write(10.0)

    assert outcomes == ("done", "done", "done")
    assert list(world.told()) == [
        "Warning ServiceNotFound spec: gone x1",
        "Warning ServiceNotFound spec: late x1",
    ]
    assert world.asked() == ["POST", "POST"]


def test_what_several_translators_say_is_told_once() -> None:
    world = World()
    world.say(problem("gone"))
    world.say(problem("gone"), table=1)

    world.write()

    assert list(world.told()) == ["Warning ServiceNotFound spec: gone x1"]


def test_an_object_without_problems_costs_nothing() -> None:
    world = World()
    world.say()

    assert first(world.core.write(WEB, 0.0, WALL)) is None
    assert world.core.due(WEB) is None


def test_what_was_told_before_a_restart_is_not_told_again() -> None:
    world = World()
    world.say(problem("gone"))
    world.write()

    world.start()
    assert set(world.core.begin()) == {WEB}
    world.write(60.0)

    assert list(world.told()) == ["Warning ServiceNotFound spec: gone x1"]
    assert world.core.due(WEB) == 1860.0


def test_what_stands_is_told_again_every_half_hour() -> None:
    world = World()
    world.say(problem("gone"))
    world.write(0.0)

    dues = [world.core.due(WEB)]
    for now in (1799.0, 1800.0, 3600.0):
        world.write(now)
        dues.append(world.core.due(WEB))

    assert dues == [1800.0, 1800.0, 3600.0, 5400.0]
    assert world.asked() == ["POST", "PATCH", "PATCH"]
    assert list(world.told()) == ["Warning ServiceNotFound spec: gone x3"]
    (event,) = world.server.objects.values()
    assert event["series"]["lastObservedTime"] == "2026-11-25T02:00:00.000000Z"


def test_what_the_api_server_has_dropped_is_told_anew() -> None:
    world = World()
    world.say(problem("gone"))
    world.write(0.0)
    world.server.objects.clear()

    world.write(1800.0)
    world.write(3600.0)

    assert world.asked() == ["POST", "PATCH", "POST", "PATCH"]
    assert list(world.told()) == ["Warning ServiceNotFound spec: gone x2"]


def test_when_the_last_problem_is_gone_that_is_told_once() -> None:
    world = World()
    world.say(problem("gone"), problem("late"))
    world.write()

    world.say(problem("late"))
    world.write()
    world.say()
    world.write()
    world.write()

    assert world.asked() == ["POST", "POST", "POST"]
    assert list(world.told())[2] == "Normal Resolved nothing is wrong with it any more x1"


def test_an_ingress_that_is_ours_no_more_is_not_called_right() -> None:
    """Its row is gone: nobody looks at what is wrong with it. A Service without a row has no problems."""
    world = World()
    for ref in (WEB, API):
        world.say(problem("gone"), ref=ref)
        world.write(ref=ref)
        del world.tables[0][ref]
        world.write(ref=ref)

    assert [said for said in world.told() if "Resolved" in said] == [
        "Normal Resolved it is of another class now, so isoline neither checks nor serves it x1",
        "Normal Resolved nothing is wrong with it any more x1",
    ]


@pytest.mark.parametrize("without_row", [False, True])
def test_what_comes_back_is_news(*, without_row: bool) -> None:
    """A Service has no row while nothing is wrong with it."""
    world = World()
    for _ in range(2):
        world.say(problem("gone"), ref=API)
        world.write(ref=API)
        world.say(ref=API)
        if without_row:
            world.tables[0].clear()
        assert world.core.concerns(API)
        world.write(ref=API)

    assert list(world.told()) == [
        "Warning ServiceNotFound spec: gone x2",
        "Normal Resolved nothing is wrong with it any more x2",
    ]


def test_what_comes_up_in_our_term_is_news_though_another_told_it_before() -> None:
    world = World()
    world.say(problem("gone"))
    world.write()
    world.start()
    world.say()
    world.core.begin()
    world.write()

    world.say(problem("gone"))
    world.write()

    assert list(world.told()) == ["Warning ServiceNotFound spec: gone x2"]


def test_ten_events_an_object_are_enough() -> None:
    world = World()
    world.say(*(problem(f"{number}") for number in range(12)))

    world.write()

    assert list(world.told())[8:] == [
        "Warning ServiceNotFound spec: 8 x1",
        "Warning MoreProblems 3 more problems x1",
    ]


def test_ten_problems_are_all_told() -> None:
    world = World()
    world.say(*(problem(f"{number}") for number in range(10)))

    world.write()

    assert list(world.told())[9:] == ["Warning ServiceNotFound spec: 9 x1"]


def test_a_failure_in_between_repeats_nothing() -> None:
    world = World()
    world.say(problem("one"), problem("two"))
    script = world.core.write(WEB, 0.0, WALL)
    script.send(world.server.answer(next(script)))
    with pytest.raises(StopIteration) as stop:
        script.send(refused(429, "busy", 3.0))

    world.write()

    assert stop.value.value.outcome == "busy"
    assert list(world.told()) == [
        "Warning ServiceNotFound spec: one x1",
        "Warning ServiceNotFound spec: two x1",
    ]


def test_an_object_that_is_gone_is_forgotten() -> None:
    world = World()
    world.say(problem("gone"))
    world.write()
    del world.rows[WEB]
    world.tables[0].clear()

    world.write()

    assert world.asked() == ["POST"]
    assert not world.core.concerns(WEB)
    assert world.core.due(WEB) is None


def test_another_object_of_the_same_name_starts_anew() -> None:
    """Nothing is resolved: what was wrong with the first is gone with it."""
    world = World()
    world.say(problem("gone"))
    world.write()
    world.rows[WEB] = world.object(WEB, "another")
    world.say()

    world.write()

    assert world.asked() == ["POST"]


def test_an_object_that_a_translator_misses_gets_no_event() -> None:
    """The Secret of the default certificate is named by a flag alone."""
    world = World()
    world.say(problem("there is no such Secret"), ref="Secret/shop/wildcard")

    assert first(world.core.write("Secret/shop/wildcard", 0.0, WALL)) is None


def test_what_is_no_object_gets_no_event() -> None:
    world = World()
    world.say(problem("cannot be read"), ref="File//web.yaml")
    world.say(problem("must not be read"), ref="API//secrets")

    assert list(world.core.begin()) == []
    assert not world.core.concerns("File//web.yaml")


def test_what_was_told_and_is_resolved_is_forgotten_when_the_api_server_has_dropped_it() -> None:
    world = World()
    world.say(problem("gone"))
    world.write(0.0)
    world.say()
    world.write(60.0)

    assert world.core.due(WEB) == 3660.0
    world.write(3660.0)

    world.tables[0].clear()
    assert not world.core.concerns(WEB)
    assert world.asked() == ["POST", "POST"]


def test_a_namespace_that_is_being_deleted_is_left_alone() -> None:
    world = World()
    world.say(problem("gone"))
    script = world.core.write(WEB, 0.0, WALL)
    next(script)

    with pytest.raises(StopIteration) as stop:
        script.send(refused(404, "no such namespace"))

    assert stop.value.value.outcome == "gone"
