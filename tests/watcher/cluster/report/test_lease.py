"""One candidate, asked and answered by hand. Its chance is a half: it tries again after exactly 2 s."""

import math

import orjson
import pytest

from tests.watcher.cluster.report.server import Server, refused
from watcher.cluster.answer import Answer
from watcher.cluster.report.lease import Lease
from watcher.cluster.report.request import Request

LEASES = "/apis/coordination.k8s.io/v1/namespaces/isoline/leases"
PATH = f"{LEASES}/watcher"
# 2026-11-25T01:00:00Z
WALL = 1_795_568_400_000_000


def candidate(identity: str = "a") -> Lease:
    return Lease("isoline", "watcher", identity, lambda: 0.5)


def ask(lease: Lease, server: Server, now: float) -> str | None:
    """One request and its answer, both at `now`; its method."""
    request = lease.next(now, WALL + int(now * 1e6))
    if request is None:
        return None
    lease.answered(server.answer(request), now)
    return request.method


def leader(server: Server, now: float, identity: str = "a") -> Lease:
    """Has just got the Lease, which nobody had."""
    lease = candidate(identity)
    ask(lease, server, now)
    ask(lease, server, now)
    assert lease.leads(now)
    return lease


def test_who_finds_no_lease_creates_it_and_leads() -> None:
    server, lease = Server(), candidate()

    assert ask(lease, server, 100.0) == "GET"
    assert not lease.leads(100.0)
    assert ask(lease, server, 100.0) == "POST"

    assert lease.leads(100.0)
    assert lease.term == 1
    assert server.objects[PATH]["spec"] == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-11-25T01:01:40.000000Z",
        "renewTime": "2026-11-25T01:01:40.000000Z",
        "leaseTransitions": 0,
    }


def test_a_leader_renews_every_two_seconds_and_stays_in_its_term() -> None:
    server = Server()
    lease = leader(server, 100.0)

    assert ask(lease, server, 101.9) is None
    assert lease.deadline == 102.0
    assert ask(lease, server, 102.0) == "PUT"

    assert server.objects[PATH]["spec"]["renewTime"] == "2026-11-25T01:01:42.000000Z"
    assert server.objects[PATH]["spec"]["acquireTime"] == "2026-11-25T01:01:40.000000Z"
    assert (lease.term, lease.deadline) == (1, 104.0)


@pytest.mark.parametrize(("chance", "again"), [(0.0, 101.5), (1.0, 102.5)])
def test_tries_are_spread(chance: float, again: float) -> None:
    server, lease = Server(), Lease("isoline", "watcher", "a", lambda: chance)
    ask(lease, server, 100.0)
    ask(lease, server, 100.0)

    assert lease.deadline == again


def test_leading_is_counted_from_when_the_renewal_was_sent() -> None:
    """The API server stored it at some time after that, and others count from when they saw it."""
    server = Server()
    lease = leader(server, 100.0)

    renewal = sent(lease, 102.0)
    lease.answered(server.answer(renewal), 106.0)

    assert lease.leads(111.9)
    assert not lease.leads(112.0)


def test_a_leader_that_was_stopped_leads_no_more_when_it_wakes() -> None:
    server = Server()
    lease = leader(server, 100.0)

    assert not lease.leads(131.0)


def test_an_answer_that_comes_too_late_makes_no_leader() -> None:
    """Sent, then stopped for half a minute: the API server took it, and so may others have since."""
    server, lease = Server(), candidate()
    ask(lease, server, 100.0)
    creation = sent(lease, 100.0)
    answer = server.answer(creation)

    lease.answered(answer, 130.0)

    assert not lease.leads(130.0)


def test_another_waits_until_it_has_seen_the_lease_unchanged_for_its_duration() -> None:
    """What the Lease says of time is not read: the holder's clock is years behind."""
    server = Server()
    leader(server, 100.0)
    server.objects[PATH]["spec"]["renewTime"] = "2020-01-01T00:00:00.000000Z"
    other = candidate("b")

    asked = {now: ask(other, server, now) for now in (500.0, 502.0, 514.0, 514.9)}

    assert asked == {500.0: "GET", 502.0: "GET", 514.0: "GET", 514.9: None}
    assert other.deadline == 515.0
    assert ask(other, server, 515.0) == "PUT"
    assert other.leads(515.0)
    assert server.objects[PATH]["spec"]["holderIdentity"] == "b"
    assert server.objects[PATH]["spec"]["leaseTransitions"] == 1
    assert server.objects[PATH]["spec"]["acquireTime"] == "2026-11-25T01:08:35.000000Z"


def test_each_renewal_that_is_seen_starts_the_wait_anew() -> None:
    server = Server()
    first, other = leader(server, 100.0), candidate("b")
    ask(other, server, 100.0)
    ask(first, server, 102.0)

    ask(other, server, 102.5)

    asked = [ask(other, server, now) for now in (110.0, 115.0, 117.4)]
    assert asked == ["GET", "GET", "GET"]
    assert other.deadline == 117.5


def test_of_two_that_take_an_expired_lease_the_second_is_refused() -> None:
    server = Server()
    leader(server, 100.0)
    others = candidate("b"), candidate("c")
    for other in others:
        ask(other, server, 200.0)
        ask(other, server, 214.0)
    requests = [sent(other, 215.0) for other in others]

    for other, request in zip(others, requests, strict=True):
        other.answered(server.answer(request), 215.0)

    assert [other.leads(215.0) for other in others] == [True, False]
    assert [ask(others[1], server, now) for now in (216.9, 217.0, 219.0)] == [None, "GET", "GET"]
    assert others[1].holder == "b"


def test_a_renewal_whose_answer_is_lost_is_made_good_before_the_deadline() -> None:
    """The API server has it or not: that is read, and at once written."""
    server = Server()
    lease = leader(server, 100.0)

    server.answer(sent(lease, 102.0))
    lease.answered(None, 107.0)

    assert [ask(lease, server, 107.0), ask(lease, server, 107.0)] == ["GET", "PUT"]
    assert lease.leads(116.9)
    assert lease.term == 1


def test_a_renewal_changes_the_lease_though_the_clock_was_set_back() -> None:
    """A Lease that is written as it is keeps its version, and others would see no renewal."""
    server = Server()
    lease = leader(server, 100.0)

    lease.answered(server.answer(sent(lease, 102.0, wall=0)), 102.0)

    assert server.objects[PATH]["spec"]["renewTime"] == "2026-11-25T01:01:40.000001Z"


def test_who_finds_another_in_its_place_leads_no_more() -> None:
    """At its next renewal: somebody deleted the Lease, and another made one."""
    server = Server()
    lease = leader(server, 100.0)
    del server.objects[PATH]
    leader(server, 101.0, "b")

    assert [ask(lease, server, now) for now in (102.0, 102.0, 102.0)] == ["PUT", "GET", None]

    assert not lease.leads(102.0)
    assert lease.holder == "b"


def test_a_leader_whose_lease_is_deleted_makes_it_anew_and_stays_in_its_term() -> None:
    """It alone knows that it leads."""
    server = Server()
    lease = leader(server, 100.0)
    del server.objects[PATH]

    assert [ask(lease, server, 102.0), ask(lease, server, 102.0)] == ["PUT", "POST"]

    assert server.objects[PATH]["spec"]["holderIdentity"] == "a"
    assert (lease.term, lease.leads(111.9), lease.problem) == (1, True, None)


def test_who_meets_another_while_it_makes_its_lease_anew_leads_no_more() -> None:
    """Before it has even read who that is."""
    server = Server()
    lease = leader(server, 100.0)
    del server.objects[PATH]
    ask(lease, server, 102.0)
    leader(server, 102.0, "b")

    assert ask(lease, server, 102.0) == "POST"

    assert not lease.leads(102.0)
    assert [ask(lease, server, 102.0), ask(lease, server, 102.0), lease.holder] == ["GET", None, "b"]


def test_who_led_before_its_lease_was_deleted_waits_as_others_do() -> None:
    """It was stopped for longer than it may lead."""
    server = Server()
    lease = leader(server, 100.0)
    del server.objects[PATH]

    assert [ask(lease, server, 110.0), ask(lease, server, 110.0)] == ["PUT", None]

    assert not lease.leads(110.0)
    assert lease.deadline == 112.0


def test_a_conflict_that_comes_again_at_once_is_no_circle() -> None:
    """Something between us refuses each renewal, or somebody else keeps changing the Lease."""
    server = Server()
    lease = leader(server, 100.0)
    asked = []
    for _ in range(2):
        sent(lease, 102.0)
        lease.answered(refused(409, "modified"), 102.0)
        asked.append(ask(lease, server, 102.0))

    assert asked == ["GET", None]
    assert lease.deadline == 104.0


def test_a_lease_that_is_deleted_is_made_anew_when_it_would_have_expired() -> None:
    """Its holder may not know yet."""
    server = Server()
    leader(server, 100.0)
    other = candidate("b")
    ask(other, server, 101.0)
    del server.objects[PATH]

    asked = [ask(other, server, now) for now in (103.0, 105.0, 114.0, 116.0)]

    assert asked == ["GET", "GET", "GET", "POST"]


def test_a_released_lease_is_taken_at_once() -> None:
    server = Server()
    lease, other = leader(server, 100.0), candidate("b")
    ask(other, server, 101.0)

    lease.release()

    assert not lease.leads(101.0)
    assert ask(lease, server, 101.0) == "PUT"
    assert ask(lease, server, 101.0) is None
    assert lease.deadline == math.inf
    assert server.objects[PATH]["spec"]["holderIdentity"] == ""
    assert server.objects[PATH]["spec"]["leaseDurationSeconds"] == 1
    assert [ask(other, server, 103.0), ask(other, server, 103.0)] == ["GET", "PUT"]
    assert other.leads(103.0)


def test_a_release_that_meets_a_lost_renewal_reads_first() -> None:
    server = Server()
    lease = leader(server, 100.0)
    server.answer(sent(lease, 102.0))

    lease.release()

    assert [ask(lease, server, 102.1) for _ in range(3)] == ["GET", "PUT", None]
    assert server.objects[PATH]["spec"]["holderIdentity"] == ""


def test_nobody_releases_what_is_another_s() -> None:
    server = Server()
    leader(server, 100.0)
    other = candidate("b")
    ask(other, server, 101.0)

    other.release()

    assert ask(other, server, 101.0) is None
    assert other.deadline == math.inf


def test_a_release_that_gets_no_answer_is_given_up() -> None:
    server = Server()
    lease = leader(server, 100.0)

    lease.release()
    sent(lease, 101.0)
    lease.answered(None, 103.0)

    assert lease.deadline == math.inf


def test_what_others_keep_in_the_lease_stays() -> None:
    server = Server()
    lease = leader(server, 100.0)
    server.put(PATH, {"metadata": {"name": "watcher", "labels": {"app": "x"}}, "spec": {"strategy": "S"}}, "")

    asked = [ask(lease, server, now) for now in (102.0, 104.0, 104.0)]

    assert asked == ["PUT", "GET", "PUT"]
    assert server.objects[PATH]["metadata"]["labels"] == {"app": "x"}
    assert server.objects[PATH]["spec"]["strategy"] == "S"


def test_a_missing_right_is_told_as_long_as_it_is_missing() -> None:
    server, lease = Server(), candidate()
    ask(lease, server, 100.0)

    sent(lease, 100.0)
    lease.answered(refused(403, 'User "x" cannot create resource "leases"'), 100.0)
    problems = [lease.problem]
    for now in (102.0, 102.0):
        ask(lease, server, now)
        problems.append(lease.problem)

    told = 'User "x" cannot create resource "leases"'
    assert problems == [told, told, None]
    assert lease.leads(102.0)


@pytest.mark.parametrize(
    ("after", "again"), [(7.0, 107.0), (3600.0, 115.0)], ids=["as told", "never longer than a Lease"]
)
def test_a_busy_api_server_is_asked_later(after: float, again: float) -> None:
    lease = candidate()
    sent(lease, 100.0)

    lease.answered(refused(429, "too many requests", after), 100.0)

    assert lease.deadline == again
    assert lease.problem is None


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"metadata": null}'])
def test_what_is_no_lease_is_no_answer(body: bytes) -> None:
    """A proxy may answer 200 with a page of its own."""
    lease = candidate()
    sent(lease, 100.0)

    lease.answered(Answer(200, body), 100.0)

    assert not lease.leads(100.0)
    assert lease.deadline == 102.0
    assert lease.problem == "HTTP 200"


def test_a_lease_without_spec_is_nobody_s() -> None:
    server = Server()
    server.put(PATH, {"metadata": {"name": "watcher"}}, "")
    lease = candidate()

    assert [ask(lease, server, 100.0), ask(lease, server, 100.0)] == ["GET", "PUT"]

    assert lease.leads(100.0)


def test_a_write_names_the_version_that_was_seen() -> None:
    server = Server()
    lease = leader(server, 100.0)

    renewal = orjson.loads(orjson.dumps(sent(lease, 102.0).body))

    assert renewal["metadata"]["resourceVersion"] == "1"


def sent(lease: Lease, now: float, wall: int | None = None) -> Request:
    request = lease.next(now, WALL + int(now * 1e6) if wall is None else wall)
    assert request is not None
    return request
