from hypothesis import given
from hypothesis import strategies as st

from watcher.cluster.report.bucket import Bucket


def taken(bucket: Bucket, now: float) -> int:
    """How many tokens are there at this moment; takes them."""
    tokens = 0
    while bucket.due <= now:
        bucket.spend(now)
        tokens += 1
    return tokens


def test_a_full_bucket_lets_its_burst_through_and_then_its_rate() -> None:
    bucket = Bucket(rate=4.0, burst=3)

    assert [taken(bucket, now) for now in (100.0, 100.2, 100.25, 100.5, 101.0)] == [3, 0, 1, 1, 2]


def test_a_bucket_that_nobody_uses_fills_up_and_no_further() -> None:
    bucket = Bucket(rate=4.0, burst=3)
    taken(bucket, 100.0)

    assert taken(bucket, 1000.0) == 3


def test_what_is_spent_beyond_is_waited_for() -> None:
    bucket = Bucket(rate=4.0, burst=3)
    for _ in range(5):
        bucket.spend(100.0)

    assert bucket.due == 100.75


@given(st.lists(st.integers(0, 400), max_size=40))
def test_in_no_stretch_of_time_are_more_than_the_burst_and_the_rate_let_through(waits: list[int]) -> None:
    """Times are in sixteenths of a second, which floats add without error."""
    bucket = Bucket(rate=4.0, burst=3)
    passed: list[float] = []
    now = 100.0
    for wait in waits:
        now += wait / 16
        passed += [now] * taken(bucket, now)

    for at, first in enumerate(passed):
        for more, last in enumerate(passed[at:], start=1):
            assert more <= 3 + (last - first) * 4.0
