"""How long is waited after a failure, and what a failure says about what is known."""

import pytest

from tests.watcher.cluster.bodies import added, bookmark, error, service, whole
from tests.watcher.cluster.driven import Driven, in_pages, watching


@pytest.fixture
def driven() -> Driven:
    """A list is asked for, for the first time."""
    made = Driven()
    made.ask()
    return made


def waits(driven: Driven, times: int) -> list[float]:
    """After each of so many failed connections in a row."""
    found = []
    for _ in range(times):
        driven.breaks()
        found.append(driven.waits)
        driven.ask()
    return found


def test_waits_double_up_to_half_a_minute(driven: Driven) -> None:
    """K5: 0.8 s, 1.6 s, … 30 s are the most; what is waited is a part of that by chance, here a half."""
    assert waits(driven, 8) == [0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0, 15.0]


@pytest.mark.parametrize(("chance", "waited"), [(0.0, 0.0), (0.999, 0.799)])
def test_all_of_a_wait_is_chance(driven: Driven, chance: float, waited: float) -> None:
    """Full jitter: who failed together does not come back together."""
    driven.chance = chance

    driven.breaks()

    assert driven.waits == waited


def test_waits_are_short_again_after_two_minutes_without_failure(driven: Driven) -> None:
    """K5. Less than that is the same trouble, though something was answered meanwhile."""
    assert waits(driven, 3) == [0.4, 0.8, 1.6]

    driven.later(119.0)
    assert waits(driven, 1) == [3.2]
    driven.later(130.0)
    assert waits(driven, 1) == [0.4]


def test_a_watch_that_lasted_is_no_reason_to_wait_for_longer() -> None:
    """A proxy that ends each silent connection after half a minute would have us blind for half of the
    time.
    """
    driven = watching(service("a"), version=4)
    waited = []
    for _ in range(4):
        driven.later(30.0)
        driven.breaks()
        waited.append(driven.waits)
        driven.ask()
        driven.opens()

    assert waited == [0.4, 0.4, 0.4, 0.4]


def test_what_expires_in_an_outage_is_listed_soon_after_it() -> None:
    """Its waits are its own; and they grow, too."""
    driven = watching(service("a"), version=4)
    driven.breaks()
    driven.ask()
    waits(driven, 6)

    waited = []
    for _ in range(3):
        driven.opens(error(410, "too old"))
        waited.append(driven.waits)
        driven.ask()

    assert waited == [0.4, 0.8, 1.6]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_says_when_to_come_back(driven: Driven, status: int) -> None:
    """Retry-After (priority and fairness, a watch cache that is being made): never sooner than that."""
    driven.refuses(status, retry_after=20.0)

    assert driven.waits == 20.0


def test_a_retry_after_is_believed_up_to_a_minute(driven: Driven) -> None:
    """A proxy's maintenance page says an hour."""
    driven.refuses(503, retry_after=3600.0)

    assert driven.waits == 60.0


def test_a_retry_after_makes_no_wait_shorter(driven: Driven) -> None:
    """1 s is what API servers say to everybody."""
    waits(driven, 5)

    driven.refuses(429, retry_after=1.0)

    assert driven.waits == 12.8


def test_a_server_that_answers_others_is_asked_soon(driven: Driven) -> None:
    """Seven sources that come back each in its own half minute would disagree for as long."""
    waits(driven, 7)
    driven.breaks()

    driven.reflector.hurry(driven.now)

    assert driven.waits == 0.4


def test_a_server_that_answers_others_is_asked_soon_once_in_five_seconds(driven: Driven) -> None:
    """One that answers every second request would be asked without end."""
    waits(driven, 7)
    driven.breaks()
    driven.reflector.hurry(driven.now)
    driven.ask()
    driven.breaks()

    driven.reflector.hurry(driven.now)
    assert driven.waits == 15.0

    driven.later(5.0)
    driven.reflector.hurry(driven.now)
    assert driven.waits == 0.4


def test_who_was_told_when_to_come_back_is_not_hurried(driven: Driven) -> None:
    """The server has said so to this one."""
    driven.refuses(429, retry_after=20.0)

    driven.reflector.hurry(driven.now)

    assert driven.waits == 20.0


def test_nobody_hurries_who_does_not_fail() -> None:
    """A forbidden resource is not asked for more often than its own waits say."""
    driven = in_pages()
    driven.refuses(403, "forbidden")
    before = driven.waits

    driven.reflector.hurry(driven.now)

    assert (before, driven.waits) == (0.4, 0.4)


def test_a_forbidden_resource_keeps_what_was_read_of_it() -> None:
    """K5. It is asked for again, and watched on from where it was."""
    driven = watching(service("a"), version=4)
    driven.says(bookmark(5))
    driven.later(300.0)
    driven.ends()
    driven.ask()

    driven.refuses(403, "services is forbidden")

    assert (driven.reflector.state, driven.ports) == ("forbidden", {"a": 80})
    assert driven.reflector.trouble == "403: services is forbidden"
    assert not driven.reflector.current
    assert driven.ask().query["resourceVersion"] == "5"
    driven.opens()
    assert (driven.reflector.state, driven.reflector.trouble) == ("watching", "")


@pytest.mark.parametrize("then", ["breaks", "late", "503"])
def test_a_forbidden_resource_stays_forbidden_until_the_server_says_otherwise(
    driven: Driven, then: str
) -> None:
    """An outage says nothing about rights."""
    driven.refuses(403, "services is forbidden")
    driven.ask()

    match then:
        case "breaks":
            driven.breaks()
        case "late":
            driven.is_late()
        case _:
            driven.refuses(503)

    assert (driven.reflector.state, driven.reflector.trouble) == ("forbidden", "403: services is forbidden")


def test_a_resource_is_allowed_as_soon_as_its_list_begins(driven: Driven) -> None:
    """What is wrong from then on is no matter of rights."""
    driven.refuses(403, "services is forbidden")
    driven.ask()

    driven.opens(added(service("a")))
    assert (driven.reflector.state, driven.reflector.trouble) == ("listing", "")
    driven.breaks("connection reset")

    assert (driven.reflector.state, driven.reflector.trouble) == ("failing", "connection reset")


@pytest.mark.parametrize(("message", "told"), [("no capacity", "503: no capacity"), ("", "HTTP status 503")])
def test_a_refusal_is_told_in_the_server_s_words(driven: Driven, message: str, told: str) -> None:
    """Where it has any."""
    driven.refuses(503, message)

    assert (driven.reflector.state, driven.reflector.trouble) == ("failing", told)


def test_what_was_known_stays_known_through_every_failure() -> None:
    """K13: an outage takes nothing away, however long it is."""
    driven = watching(service("a"), version=4)
    for _ in range(50):
        driven.breaks()
        driven.ask()
        driven.refuses(500)
        driven.ask()
        driven.refuses(410)
        driven.ask()

    assert driven.ports == {"a": 80}
    assert (driven.reflector.known, driven.reflector.current) == (True, False)


def test_a_list_that_came_is_no_failure_any_more(driven: Driven) -> None:
    """State and words are those of now."""
    driven.refuses(500, "internal")
    driven.ask()

    driven.opens(added(service("a")), whole(4))

    assert (driven.reflector.state, driven.reflector.trouble) == ("watching", "")
    assert driven.reflector.current
