"""Its chance is a half, its bucket full, where nothing else is said."""

import math
from itertools import pairwise

import pytest

from watcher.cluster.answer import Outcome
from watcher.cluster.report.bucket import Bucket
from watcher.cluster.report.outbox import Outbox

WEB, SHOP, OTHER = "Ingress/a/web", "Ingress/a/shop", "Ingress/b/other"


def outbox(bucket: Bucket | None = None) -> Outbox:
    return Outbox(bucket or Bucket(1000.0, 1000), lambda: 0.5)


def taken(box: Outbox, now: float) -> list[str]:
    """All that may be tried at this moment."""
    refs = []
    while (ref := box.next(now)) is not None:
        refs.append(ref)
    return refs


def test_an_object_waits_once_and_whoever_waits_longest_is_first() -> None:
    box = outbox()

    box.add([WEB, SHOP])
    box.add([OTHER, WEB])

    assert taken(box, 0.0) == [WEB, SHOP, OTHER]
    assert box.deadline == math.inf


def test_nothing_is_given_out_while_the_bucket_is_empty() -> None:
    box = outbox(Bucket(rate=2.0, burst=1))
    box.add([WEB, SHOP])

    assert box.next(100.0) == WEB
    box.spend(100.0)

    assert box.next(100.4) is None
    assert box.deadline == 100.5
    assert box.next(100.5) == SHOP


def test_an_object_of_later_waits_until_then_or_until_it_changes() -> None:
    box = outbox()
    box.add_later(WEB, 200.0)
    box.add_later(SHOP, 150.0)

    assert taken(box, 149.0) == []
    assert box.deadline == 150.0
    box.add([WEB])
    assert taken(box, 149.0) == [WEB]
    assert taken(box, 300.0) == [SHOP]


@pytest.mark.parametrize("outcome", ["busy", "unreachable"])
def test_a_busy_api_server_is_left_alone_by_all(outcome: Outcome) -> None:
    box = outbox()
    box.add([WEB, SHOP])
    pauses = []
    now = 100.0

    for _ in range(7):
        ref = box.next(now)
        assert ref is not None
        assert not box.settle(ref, outcome, now)
        assert box.next(now) is None
        pauses.append(round(box.deadline - now, 3))
        now = box.deadline

    assert pauses == [0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0]


def test_what_could_not_be_sent_waits_behind_the_others() -> None:
    box = outbox()
    box.add([WEB, SHOP])

    assert box.next(100.0) == WEB
    box.settle(WEB, "unreachable", 100.0)

    assert taken(box, 101.0) == [SHOP, WEB]


@pytest.mark.parametrize(("after", "deadline"), [(7.0, 107.0), (0.0, 100.4), (86400.0, 400.0)])
def test_the_api_server_says_when_to_come_again(after: float, deadline: float) -> None:
    """A day is too long to believe."""
    box = outbox()
    box.add([WEB])
    box.next(100.0)

    box.settle(WEB, "busy", 100.0, after)

    assert box.deadline == deadline


def test_an_api_server_that_fails_for_all_is_left_alone_and_told_once() -> None:
    """Its etcd has no leader, say: that is no object's fault."""
    box = outbox()
    box.add([WEB, SHOP, OTHER])
    tried, told, pauses, now = [], [], [], 100.0

    for _ in range(6):
        ref = box.next(now)
        assert ref is not None
        tried.append(ref)
        told.append(box.settle(ref, "failed", now))
        pauses.append(round(box.deadline - now, 3))
        now = box.deadline

    assert tried == [WEB, SHOP, OTHER] * 2
    assert told == [True] + [False] * 5
    assert pauses == [0.4, 0.8, 1.6, 3.2, 6.4, 12.8]


def test_an_object_for_which_the_api_server_fails_while_it_writes_others_waits_alone() -> None:
    """A webhook may fail for it, each time. That is told once more when it is held against it."""
    box = outbox()
    box.add([WEB, SHOP])
    assert box.settle(taken(box, 100.0)[0], "failed", 100.0)
    box.settle(SHOP, "done", 101.0)

    told = [box.settle(ref, "failed", 102.0) for ref in taken(box, 102.0)]

    assert told == [True]
    box.add([OTHER])
    assert taken(box, 102.0) == [OTHER]
    assert box.deadline == 102.75


def test_an_object_for_which_the_api_server_failed_once_starts_anew() -> None:
    """Later that may happen again."""
    box = outbox()
    box.add([WEB, SHOP])
    for ref, outcome, now in ((WEB, "failed", 100.0), (SHOP, "done", 101.0), (WEB, "done", 102.0)):
        box.add([ref])
        assert box.next(now) is not None
        box.settle(ref, outcome, now)

    box.settle(WEB, "failed", 200.0)

    assert box.next(200.1) is None


def test_an_object_that_is_refused_is_tried_ever_more_rarely_and_told_once() -> None:
    box = outbox()
    box.add([WEB])
    told, tries, now = [], [100.0], 100.0

    for _ in range(11):
        box.next(now)
        told.append(box.settle(WEB, "refused", now))
        now = box.deadline
        tries.append(now)

    assert told == [True] + [False] * 10
    assert [later - earlier for earlier, later in pairwise(tries)] == [
        0.75, 1.5, 3.0, 6.0, 12.0, 24.0, 48.0, 96.0, 192.0, 225.0, 225.0
    ]  # fmt: skip


def test_a_conflict_is_no_news() -> None:
    box = outbox()
    box.add([WEB])
    box.next(100.0)

    assert not box.settle(WEB, "conflict", 100.0)

    assert box.deadline == 100.75


def test_an_object_that_could_be_written_starts_anew() -> None:
    box = outbox()
    for outcome in ("refused", "refused", "done", "refused"):
        box.add([WEB])
        box.next(100.0)
        told = box.settle(WEB, outcome, 100.0)

    assert told
    assert box.deadline == 100.75


def test_a_missing_rule_keeps_a_namespace_and_no_other() -> None:
    box = outbox()
    box.add([WEB, SHOP, OTHER])

    box.next(100.0)
    told = box.settle(WEB, "forbidden", 100.0)

    assert told
    assert taken(box, 100.0) == [OTHER]
    box.add([WEB, SHOP])
    assert taken(box, 100.7) == []
    assert box.status()["forbidden_namespaces"] == ["a"]


def test_a_missing_rule_costs_a_namespace_ever_fewer_requests() -> None:
    """However many of its objects wait."""
    box = outbox()
    box.add([WEB, SHOP])
    told, tries, now = [], [100.0], 100.0

    for _ in range(11):
        ref = box.next(now)
        assert ref is not None
        told.append(box.settle(ref, "forbidden", now))
        assert box.next(now) is None
        now = box.deadline
        tries.append(now)

    assert told == [True] + [False] * 10
    assert [later - earlier for earlier, later in pairwise(tries)] == [
        0.75, 1.5, 3.0, 6.0, 12.0, 24.0, 48.0, 96.0, 192.0, 225.0, 225.0
    ]  # fmt: skip


def test_a_rule_that_is_there_opens_the_namespace_again() -> None:
    box = outbox()
    box.add([WEB, SHOP])
    box.next(100.0)
    box.settle(WEB, "forbidden", 100.0)

    assert box.next(400.0) == SHOP
    box.settle(SHOP, "done", 400.0)

    assert taken(box, 400.0) == [WEB]
    assert box.status() == {"ready": 0, "later": 0, "refused": 0, "forbidden_namespaces": []}


def test_each_namespace_without_the_rule_is_told_once() -> None:
    """Rules are granted by namespace."""
    box = outbox()
    box.add([WEB, OTHER])

    told = [box.settle(ref, "forbidden", 100.0) for ref in taken(box, 100.0)]
    again = [box.settle(ref, "forbidden", 101.0) for ref in taken(box, 101.0)]

    assert (told, again) == ([True, True], [False, False])


def test_who_leads_no_more_forgets_all() -> None:
    box = outbox()
    box.add([WEB, SHOP])
    box.next(100.0)
    box.settle(WEB, "forbidden", 100.0)
    box.settle(OTHER, "busy", 100.0)

    box.clear()

    assert box.deadline == math.inf
    box.add([WEB])
    assert taken(box, 100.0) == [WEB]
