"""An object that somebody else writes too."""

from tests.watcher.cluster.report.test_outbox import OTHER, WEB, outbox, taken
from watcher.cluster.report.pace import Pace


def times(pace: Pace, ref: str, seconds: float) -> list[float]:
    """When an object is written that is always to be written again."""
    now, found = 0.0, []
    while now < seconds:
        found.append(now)
        pace.wrote(ref, now)
        now = max(now, pace.until(ref))
    return found


def test_a_contested_object_is_written_ever_more_slowly() -> None:
    """Five times at once, then after 1, 2, 4 … seconds, at last once a minute."""
    assert times(Pace(), WEB, 250.0) == [0, 0, 0, 0, 0, 1, 3, 7, 15, 31, 63, 123, 183, 243]


def test_that_it_slows_down_is_news_once() -> None:
    pace = Pace()

    assert [pace.wrote(WEB, 0.0) for _ in range(7)] == [False, False, False, False, True, False, False]


def test_an_object_that_was_left_alone_for_a_minute_is_written_at_once() -> None:
    pace = Pace()
    for _ in range(5):
        pace.wrote(WEB, 0.0)

    assert not pace.wrote(WEB, 61.0)
    assert pace.until(WEB) <= 61.0


def test_thousands_of_objects_are_not_remembered_for_ever() -> None:
    pace = Pace()
    for number in range(5_000):
        pace.wrote(str(number), float(number))

    assert len(pace._written) <= 1_001


def test_another_object_does_not_wait_for_a_contested_one() -> None:
    box = outbox()
    for _ in range(5):
        box.settle(WEB, "done", 0.0)
    box.add([WEB, OTHER])

    assert taken(box, 0.5) == [OTHER]
    assert box.deadline == 1.0
    assert taken(box, 1.0) == [WEB]
