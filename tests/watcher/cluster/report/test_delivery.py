import math

from tests.watcher.cluster.report.server import refused
from watcher.cluster.answer import Answer
from watcher.cluster.report.bucket import Bucket
from watcher.cluster.report.delivery import LOOKS, Delivery, Refusal
from watcher.cluster.report.outbox import Outbox
from watcher.cluster.report.request import Request, Script

OK = Answer(200, b"{}")


class World:
    """Writes each object that is in `wrong`, by one request or as many as are there."""

    def __init__(self, bucket: Bucket | None = None) -> None:
        self.wrong: dict[str, int] = {}
        self.looked = 0
        self.due: float | None = None
        outbox = Outbox(bucket or Bucket(1000.0, 1000), lambda: 0.5)
        self.delivery = Delivery(outbox, self.write, lambda _ref: self.due)

    def write(self, ref: str, _now: float, _wall: int) -> Script:
        self.looked += 1
        for number in range(self.wrong.get(ref, 0)):
            answer = yield Request("PATCH", f"{ref}/{number}")
            if answer.outcome != "done":
                return answer
        return None

    def next(self, now: float = 0.0) -> str | None:
        request = self.delivery.next(now, 0)
        return None if request is None else request.path


def test_requests_come_one_after_the_other() -> None:
    world = World()
    world.wrong = {"I/a/x": 2, "I/a/y": 1}
    world.delivery.outbox.add(world.wrong)
    sent = []

    while (request := world.next()) is not None:
        sent.append(request)
        world.delivery.answered(OK, 0.0)

    assert sent == ["I/a/x/0", "I/a/x/1", "I/a/y/0"]
    assert world.delivery.deadline == math.inf


def test_what_is_written_is_what_is_wrong_when_it_can_be_sent() -> None:
    world = World(Bucket(1.0, 1))
    world.wrong = {"I/a/x": 1, "I/a/y": 1}
    world.delivery.outbox.add(world.wrong)
    world.next(100.0)
    world.delivery.answered(OK, 100.0)

    assert world.next(100.5) is None
    world.wrong.clear()

    assert world.next(101.0) is None
    assert world.delivery.deadline == math.inf


def test_each_request_takes_a_token() -> None:
    world = World(Bucket(1.0, 1))
    world.wrong = {"I/a/x": 3}
    world.delivery.outbox.add(world.wrong)
    for _ in range(3):
        world.next(100.0)
        world.delivery.answered(OK, 100.0)
    world.delivery.outbox.add(world.wrong)

    assert world.delivery.deadline == 103.0


def test_an_object_that_changes_while_it_is_written_is_looked_at_again() -> None:
    world = World()
    world.wrong = {"I/a/x": 1}
    world.delivery.outbox.add(["I/a/x"])
    world.next()

    world.delivery.outbox.add(["I/a/x"])
    world.delivery.answered(OK, 0.0)

    assert world.next() == "I/a/x/0"


def test_without_an_answer_it_is_tried_again_from_the_beginning() -> None:
    world = World()
    world.wrong = {"I/a/x": 2}
    world.delivery.outbox.add(["I/a/x"])
    world.next()
    world.delivery.answered(OK, 0.0)
    world.next()

    world.delivery.answered(None, 0.0)

    assert world.next(0.0) is None
    assert world.next(1.0) == "I/a/x/0"


def test_a_refusal_is_told_in_the_api_server_s_words() -> None:
    world = World()
    world.wrong = {"I/a/x": 1}
    world.delivery.outbox.add(["I/a/x"])
    world.next()

    assert world.delivery.answered(refused(422, "no such field"), 0.0) == Refusal("I/a/x", "no such field")


def test_an_object_is_looked_at_again_when_it_is_due() -> None:
    world = World()
    world.due = 1800.0
    world.delivery.outbox.add(["I/a/x"])

    world.next(0.0)

    assert world.delivery.deadline == 1800.0


def test_who_leads_no_more_drops_all_and_ignores_what_was_under_way() -> None:
    world = World()
    world.wrong = {"I/a/x": 2, "I/a/y": 1}
    world.delivery.outbox.add(world.wrong)
    world.next()

    world.delivery.clear()

    assert world.delivery.answered(OK, 0.0) is None
    assert world.next() is None
    assert world.delivery.deadline == math.inf


def test_a_whole_cluster_is_compared_in_slices() -> None:
    world = World()
    world.delivery.outbox.add(f"I/a/{number}" for number in range(LOOKS + 1))

    assert world.next(5.0) is None

    assert world.looked == LOOKS
    assert world.delivery.deadline <= 5.0
