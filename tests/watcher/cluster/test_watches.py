"""What follows on each way in which a watch can go on, end or fail."""

import pytest

from tests.watcher.cluster.bodies import added, bookmark, deleted, error, line, modified, service
from tests.watcher.cluster.driven import Driven, in_pages, watching
from watcher.cluster.question import Question


def resumed(*lines: bytes, version: int = 4) -> Driven:
    """A watch in a request of its own, which has brought these."""
    driven = watching(service("a", 3), version=version)
    driven.later(300.0)
    driven.ends()
    driven.ask()
    driven.opens(*lines)
    return driven


def test_a_watch_goes_on_from_the_list_s_version_with_bookmarks() -> None:
    """K2, K3, K4. The deadline is half a minute after that of the server."""
    driven = in_pages()
    driven.pages(service("a"), version=7)

    assert driven.ask() == Question(
        "/api/v1/services",
        {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": "450",
            "resourceVersion": "7",
        },
        watch=True,
        seconds=480.0,
    )


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 300), (0.5, 450), (0.999, 599)])
def test_a_watch_lasts_five_to_ten_minutes_by_chance(chance: float, seconds: int) -> None:
    """So that watches do not end together (client-go's minWatchTimeout)."""
    driven = Driven()
    driven.chance = chance

    request = driven.ask()

    assert (request.query["timeoutSeconds"], request.seconds) == (str(seconds), seconds + 30.0)


def test_events_count_as_they_come() -> None:
    """By key, the last one wins (K9)."""
    driven = watching(service("a", 1), service("b", 2), version=4)

    driven.says(modified(service("a", 5, port=81)), added(service("c", 6)), deleted(service("b", 7)))

    assert driven.ports == {"a": 81, "c": 80}


def test_a_watch_that_ends_goes_on_at_the_last_event_without_a_list() -> None:
    """At once: that is how watches end."""
    driven = watching(service("a", 1), version=4)
    driven.says(modified(service("a", 5)), deleted(service("a", 6)))
    driven.later(300.0)

    driven.ends()

    assert (driven.waits, driven.reflector.state) == (0, "watching")
    assert driven.ask().query["resourceVersion"] == "6"


def test_a_bookmark_moves_the_version_and_nothing_else() -> None:
    """K3: a quiet resource's version stays young, else each outage would expire it."""
    driven = watching(service("a", 1), version=4)

    driven.says(bookmark(900))
    driven.later(300.0)
    driven.ends()

    assert driven.ask().query["resourceVersion"] == "900"
    assert driven.ports == {"a": 80}


def test_an_event_without_a_version_leaves_the_one_before() -> None:
    """The watch would begin at any version otherwise."""
    driven = watching(version=4)

    driven.says(line("ADDED", {"metadata": {"name": "a", "namespace": "default"}}))
    driven.later(300.0)
    driven.ends()

    assert driven.ask().query["resourceVersion"] == "4"


def test_an_object_that_no_api_server_has_is_passed_over() -> None:
    """Its neighbours count."""
    driven = watching(version=4)

    assert driven.says(added(service("A b", 5)), added(service("", 6)), added(service("a", 7)))

    assert driven.ports == {"a": 80}


@pytest.mark.parametrize("after", ["status", "event"])
def test_what_has_expired_is_listed_anew_and_nothing_is_gone_meanwhile(after: str) -> None:
    """K2: 410 comes as a status, or as an event in a stream of status 200."""
    driven = resumed()

    if after == "event":
        assert not driven.says(error(410, "too old resource version"))
    else:
        driven.refuses(410, "too old resource version")

    assert (driven.reflector.state, driven.ports) == ("listing", {"a": 80})
    assert driven.reflector.trouble.endswith("too old resource version")
    assert (driven.waits, "sendInitialEvents" in driven.ask().query) == (0.4, True)


def test_another_error_in_a_stream_is_followed_by_a_list() -> None:
    """K2: whether something was missed nobody knows."""
    driven = resumed()

    assert not driven.says(error(500, "internal"))

    assert (driven.reflector.state, driven.reflector.trouble) == ("failing", "500: internal")
    assert (driven.waits, "sendInitialEvents" in driven.ask().query) == (0.4, True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b'{"type": "ADD', "the server sent what is no JSON"),
        (b"[1]", "the server sent JSON that is no object"),
        (b'{"type": "ADDED"}', "the server sent an event without an object"),
        (b'{"type": "ADDED", "object": {}}', "the server sent an object without metadata"),
        (
            b'{"type": "RENAMED", "object": {"metadata": {}}}',
            "the server sent an event of unknown type 'RENAMED'",
        ),
    ],
)
def test_garbage_ends_the_stream_and_is_followed_by_a_list(text: bytes, told: str) -> None:
    """What it would have said is unknown. The lines before it count."""
    driven = resumed()

    assert not driven.says(added(service("b", 5)), text + b"\n", added(service("c", 6)))

    assert driven.reflector.trouble == told
    assert driven.ports == {"a": 80, "b": 80}
    assert "sendInitialEvents" in driven.ask().query


def test_a_line_of_any_length_may_come_in_pieces_of_any_length() -> None:
    """1.5 MiB is what etcd takes."""
    driven = watching(version=4)
    text = added(service("a", 5, metadata={"annotations": {"note": "x" * 1_500_000}})) + bookmark(6)

    for start in range(0, len(text), 65_536):
        assert driven.says(text[start : start + 65_536])

    assert driven.ports == {"a": 80}


def test_a_line_without_an_end_is_garbage() -> None:
    """It would fill the memory."""
    driven = watching(version=4)

    assert driven.says(b"x" * (16 * 1024 * 1024))
    assert not driven.says(b"x")

    assert driven.reflector.trouble == "the server sent a line of more than 16777216 bytes"


def test_half_a_line_is_forgotten_with_its_stream() -> None:
    """The next stream begins with a line of its own."""
    driven = resumed(added(service("b", 5)), added(service("c", 6))[:20])

    driven.breaks()
    assert driven.ask().query["resourceVersion"] == "5"
    driven.opens(added(service("c", 6)))

    assert driven.ports == {"a": 80, "b": 80, "c": 80}


def test_a_watch_that_breaks_off_goes_on_where_it_was() -> None:
    """No list: nothing was missed that the watch does not bring."""
    driven = resumed(modified(service("a", 5)))

    driven.breaks("connection reset")

    assert (driven.reflector.state, driven.reflector.trouble) == ("failing", "connection reset")
    assert driven.ask().query["resourceVersion"] == "5"
    assert driven.opens()
    assert (driven.reflector.state, driven.reflector.trouble) == ("watching", "")


def test_a_watch_that_nobody_ends_is_ended_and_goes_on_where_it_was() -> None:
    """K4: a connection of which half is gone is silent for ever."""
    driven = resumed(modified(service("a", 5)))

    driven.is_late()

    assert driven.reflector.trouble == "the answer did not end in time"
    assert driven.ask().query["resourceVersion"] == "5"


def test_a_watch_that_ends_at_once_without_a_word_has_failed() -> None:
    """Else it would be asked for in circles."""
    driven = watching(version=4)
    driven.later(300.0)
    driven.ends()
    driven.ask()
    driven.opens()

    driven.later(0.9)
    driven.ends()

    assert (driven.reflector.state, driven.waits) == ("failing", 0.4)
    assert driven.reflector.trouble == "the watch ended at once"


def test_a_watch_that_ends_at_once_with_a_word_is_asked_for_once_a_second() -> None:
    """It works, and yet it must not be asked for in circles."""
    driven = resumed(bookmark(5))

    driven.later(0.25)
    driven.ends()

    assert (driven.reflector.state, driven.waits) == ("watching", 0.75)


@pytest.mark.parametrize("how", ["refused", "ended"])
def test_a_version_that_is_refused_five_times_is_no_longer_trusted(how: str) -> None:
    """A watch may be refused for its version alone, and a server need not say 410."""
    driven = watching(service("a", 3), version=4)
    driven.later(300.0)
    driven.ends()

    asked = []
    for _ in range(6):
        asked.append(driven.ask().query.get("resourceVersion", "list"))
        if how == "refused":
            driven.refuses(500)
        else:
            driven.opens()
            driven.ends()

    assert asked == ["4", "4", "4", "4", "4", "list"]
    assert driven.ports == {"a": 80}


def test_a_watch_that_brought_something_is_trusted_again() -> None:
    """Refusals count in a row."""
    driven = watching(service("a", 3), version=4)
    for _ in range(4):
        driven.breaks()
        driven.ask()
        driven.refuses(500)
    driven.ask()
    driven.opens(bookmark(5))

    driven.breaks()
    driven.ask()
    driven.refuses(500)

    assert driven.ask().query["resourceVersion"] == "5"


def test_refusals_of_a_list_do_not_count_against_the_watch_after_it() -> None:
    """It has another version."""
    driven = in_pages()
    for _ in range(4):
        driven.refuses(500)
        driven.ask()
    driven.pages(service("a"), version=7)
    driven.ask()

    driven.refuses(500)

    assert driven.ask().query["resourceVersion"] == "7"
