import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.watcher.cluster.report.election import Clock, Election, Fate
from watcher.cluster.report.lease import JITTER, RETRY_SECONDS

pytestmark = pytest.mark.law

Step = Callable[[Election], object]

# The fastest goes 1.4 times as fast as the slowest; what is promised holds up to 1.5.
clocks = st.lists(
    st.builds(
        Clock,
        st.floats(0.0, 1e6),
        st.sampled_from((0.85, 1.0, 1.19)),
        st.integers(0, 4_000_000_000_000_000),
    ),
    min_size=2,
    max_size=3,
)
delay = st.sampled_from((0.0, 0.01, 0.01, 0.1, 1.0, 4.0, 12.0, 40.0, math.inf))
fates = st.lists(st.builds(Fate, delay, delay), max_size=30)
which = st.integers(0, 2)


def wait(seconds: float) -> Step:
    return lambda election: election.until(election.time + seconds)


def pause(number: int, seconds: float) -> Step:
    def step(election: Election) -> None:
        candidate = election.candidates[number % len(election.candidates)]
        candidate.paused = election.time + seconds

    return step


def stop(seconds: float) -> Step:
    """Whoever leads, after it has sent a request and before it sees the answer."""

    def step(election: Election) -> None:
        for candidate in election.leaders():
            election.until_asking(candidate)
            candidate.paused = election.time + seconds

    return step


def cut(seconds: float) -> Step:
    """Whoever leads, from its connection."""

    def step(election: Election) -> None:
        for candidate in election.leaders():
            candidate.cut = election.time + seconds

    return step


def release(number: int) -> Step:
    """Once; the process ends with it."""
    return lambda election: election.candidates[number % len(election.candidates)].lease.release()


def kill(number: int) -> Step:
    def step(election: Election) -> None:
        """The last one lives."""
        alive = [candidate for candidate in election.candidates if not candidate.killed]
        if len(alive) > 1:
            alive[number % len(alive)].killed = True

    return step


seconds = st.sampled_from((0.0, 1.0, 3.0, 9.0, 16.0, 25.0, 40.0))
waits = st.builds(wait, seconds)
step = st.one_of(
    waits,
    waits,
    st.builds(pause, which, seconds),
    st.builds(stop, seconds),
    st.builds(cut, seconds),
    st.builds(kill, which),
)
steps = st.lists(step, max_size=20)


@given(clocks, fates, st.lists(st.one_of(step, step, st.builds(release, which)), max_size=20))
def test_two_never_lead_at_once(clocks: list[Clock], fates: list[Fate], history: list[Step]) -> None:
    """Whatever becomes of requests and answers, whoever is stopped, killed or ends, whatever clocks show."""
    election = Election(clocks, fates)

    for step in history:
        step(election)
    election.until(election.time + 60.0)

    assert election.together == []


@given(
    st.lists(st.builds(Clock, st.floats(0.0, 1e6), st.just(1.0), st.just(0)), min_size=2, max_size=3),
    fates,
    steps,
)
def test_somebody_leads_soon_after_the_api_server_answers(
    clocks: list[Clock], fates: list[Fate], history: list[Step]
) -> None:
    """Within the Lease's duration and 5 s, and then for good."""
    election = Election(clocks, fates)
    for step in history:
        step(election)
    election.calm()

    election.until(election.time + 20.0)
    leaders = election.leaders()
    terms = [candidate.lease.term for candidate in election.candidates]
    election.until(election.time + 60.0)

    assert len(leaders) == 1
    assert election.leaders() == leaders
    assert [candidate.lease.term for candidate in election.candidates] == terms


def delete(election: Election) -> None:
    """As `kubectl delete lease` does."""
    election.server.objects.clear()


@given(st.floats(0.0, 60.0), st.floats(0.0, 10.0))
def test_a_lease_that_is_deleted_while_another_starts_has_two_leaders_until_the_next_renewal(
    gone: float, after: float
) -> None:
    """Whoever of them makes it first, and for no longer than a retry and its messages take."""
    election = Election([Clock(0.0, 1.0, 0), Clock(0.0, 1.0, 0)], [])
    election.candidates[1].paused = gone + after
    election.until(gone)
    delete(election)
    election.until(gone + 120.0)

    assert len(election.leaders()) == 1
    longest = RETRY_SECONDS * (1.0 + JITTER / 2) + 0.1
    assert all(gone <= time <= gone + longest for time in election.together)


@given(st.lists(st.floats(0.0, 30.0), min_size=1, max_size=5))
def test_a_single_leader_whose_lease_is_deleted_leads_on(pauses: list[float]) -> None:
    """However often, in one term."""
    election = Election([Clock(0.0, 1.0, 0)], [])
    election.until(1.0)
    for pause in pauses:
        delete(election)
        election.until(election.time + pause)
        assert election.leaders() == election.candidates

    assert election.candidates[0].lease.term == 1
