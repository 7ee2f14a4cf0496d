"""How a list is asked for and taken: as a stream, in pages, whole or not at all."""

import pytest

from tests.watcher.cluster.bodies import added, bookmark, deleted, error, modified, service, whole
from tests.watcher.cluster.driven import SERVICES, Driven, in_pages, source, watching
from watcher.cluster.question import Question


def test_a_list_is_first_asked_for_as_a_stream() -> None:
    """KEP-3157: no version, so that it is consistent; the watch goes on in the same stream."""
    driven = Driven()

    assert driven.ask() == Question(
        "/api/v1/services",
        {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": "450",
            "sendInitialEvents": "true",
            "resourceVersionMatch": "NotOlderThan",
        },
        watch=True,
        seconds=480.0,
    )


def test_a_list_as_a_stream_counts_from_the_bookmark_that_ends_it() -> None:
    """Not before: what is known until then may be half of it. Another bookmark ends nothing."""
    driven = Driven()
    driven.ask()

    driven.opens(added(service("a")), bookmark(3), added(service("b")))
    assert (driven.ports, driven.reflector.known, driven.reflector.state) == ({}, False, "listing")

    assert driven.says(whole(4))
    assert (driven.ports, driven.reflector.known) == ({"a": 80, "b": 80}, True)
    assert (driven.reflector.state, driven.reflector.trouble) == ("watching", "")


def test_what_is_deleted_while_the_list_streams_is_not_in_it() -> None:
    """The server sends live events before the end, too; the last one counts."""
    driven = Driven()
    driven.ask()

    driven.opens(added(service("a", 1)), added(service("b", 2)), deleted(service("a", 3)))
    driven.says(modified(service("b", 4, port=81)), whole(5))

    assert driven.ports == {"b": 81}


def test_the_stream_of_a_list_goes_on_as_a_watch() -> None:
    """No other request is needed, and its events count at once."""
    driven = watching(service("a", 1), version=1)

    assert driven.says(added(service("b", 2)))

    assert driven.ports == {"a": 80, "b": 80}


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_offers_no_lists_as_streams_is_asked_in_pages_at_once(status: int) -> None:
    """Bad Request and Unprocessable Entity; a page has 500 objects, no version is named (K1: quorum)."""
    driven = Driven()
    driven.ask()

    driven.refuses(status, "sendInitialEvents is forbidden")

    assert driven.waits == 0
    assert driven.ask() == Question("/api/v1/services", {"limit": "500"}, watch=False, seconds=65.0)


def test_a_list_as_a_stream_that_pauses_is_asked_for_in_pages() -> None:
    """A server before 1.27 ignores what it does not know, sends all objects and never that these are all."""
    driven = Driven()
    driven.ask()
    driven.opens(added(service("a")))
    driven.later(10.0)
    driven.says(added(service("b")))
    assert driven.reflector.patience == driven.now + 15.0

    driven.later(15.0)
    driven.is_late()

    assert driven.ask().query == {"limit": "500"}
    driven.pages(service("c"), version=7)
    assert driven.ports == {"c": 80}


def test_a_list_whose_head_does_not_come_is_asked_for_as_a_stream_again() -> None:
    """Whoever waits for a plugin that logs in, or for a busy server, has learnt nothing about streams."""
    driven = Driven()
    driven.ask()

    driven.later(15.0)
    driven.is_late()

    assert driven.reflector.state == "failing"
    driven.lists(service("a"), version=4)
    assert driven.ports == {"a": 80}


def test_a_list_as_a_stream_that_is_not_whole_after_a_minute_is_asked_for_in_pages() -> None:
    """The events of a busy cluster are no pause, and the end may never come."""
    driven = Driven()
    driven.ask()
    driven.opens()
    asked = driven.now

    for version in range(1, 12):
        driven.later(5.0)
        driven.says(modified(service("a", version)))

    assert driven.reflector.patience == asked + 65.0


def test_a_list_as_a_stream_that_ends_before_it_is_whole_is_asked_for_in_pages() -> None:
    """After five to ten minutes at most a server that does not know it ends the stream: never again."""
    driven = Driven()
    driven.ask()
    driven.opens(added(service("a")))

    driven.ends()

    assert (driven.reflector.state, driven.ports) == ("failing", {})
    assert driven.ask().query == {"limit": "500"}
    driven.pages(service("b"), version=7)
    assert driven.ports == {"b": 80}


def test_a_list_as_a_stream_that_breaks_off_is_asked_for_anew() -> None:
    """Nothing of the half counts."""
    driven = Driven()
    driven.ask()
    driven.opens(added(service("a")))

    driven.breaks()
    driven.lists(service("b"), version=4)

    assert driven.ports == {"b": 80}


def test_a_list_as_a_stream_that_breaks_off_each_time_is_asked_for_ever_more_seldom() -> None:
    """However long it takes until it does: a list is what costs a server most."""
    driven = Driven()
    waited = []
    for _ in range(3):
        driven.ask()
        driven.opens(added(service("a")))
        driven.later(5.0)
        driven.breaks()
        waited.append(driven.waits)

    assert waited == [0.4, 0.8, 1.6]


@pytest.mark.parametrize("how", ["breaks off", "has no head in time"])
def test_a_list_as_a_stream_that_comes_to_nothing_three_times_is_asked_for_in_pages(how: str) -> None:
    """A proxy may end each long answer, or wait for all of it: then there would never be a list."""
    driven = Driven()
    asked = []
    for _ in range(4):
        asked.append(driven.ask().query)
        if how == "breaks off":
            driven.opens(added(service("a")))
            driven.breaks()
        else:
            driven.later(15.0)
            driven.is_late()

    assert ["sendInitialEvents" in each for each in asked] == [True, True, True, False]
    driven.ask()
    driven.pages(service("a"), version=7)
    assert driven.ports == {"a": 80}


def test_a_list_as_a_stream_that_was_whole_makes_those_before_it_chance() -> None:
    """Three in a row are none."""
    driven = Driven()
    for version in range(1, 5):
        for _ in range(2):
            driven.ask()
            driven.opens()
            driven.breaks()
        driven.lists(service("a"), version=version)
        driven.says(error(410, "too old"))

    assert "sendInitialEvents" in driven.ask().query


def test_a_server_that_is_not_reached_says_nothing_of_lists_as_streams() -> None:
    """They are what costs it least when it is back."""
    driven = Driven()
    for _ in range(20):
        driven.ask()
        driven.breaks("connection refused")

    assert "sendInitialEvents" in driven.ask().query


@pytest.mark.parametrize("why", ["refused", "silent", "ended"])
def test_lists_are_asked_for_as_streams_again_ten_minutes_later(why: str) -> None:
    """It may have been one slow minute, or an API server that has been upgraded since."""
    driven = Driven()
    driven.ask()
    match why:
        case "refused":
            driven.refuses(422, "sendInitialEvents is forbidden")
        case "silent":
            driven.opens()
            driven.later(15.0)
            driven.is_late()
        case _:
            driven.opens()
            driven.ends()
    began = driven.now
    driven.ask()
    driven.pages(version=7)

    asked = []
    for at in (599.0, 601.0):
        driven.now = began + at
        driven.ask()
        driven.opens(error(410, "too old"))
        asked.append(driven.ask().query)
        driven.pages(version=7)
    assert ["sendInitialEvents" in each for each in asked] == [False, True]


def test_a_bookmark_that_says_it_is_not_the_end_is_none() -> None:
    """The annotation has a value."""
    driven = Driven()
    driven.ask()

    driven.opens(whole(4).replace(b'"true"', b'"false"'))

    assert not driven.reflector.known


def test_a_watch_has_no_patience_but_its_deadline() -> None:
    """Quiet objects are silent for minutes."""
    driven = watching(version=4)

    assert driven.reflector.patience is None


@pytest.mark.parametrize("version", ["", "0"])
def test_a_list_without_a_version_to_watch_from_is_no_list(version: str) -> None:
    """Version 0 is that of a cache which has seen nothing yet (K1); it is asked again, not in circles."""
    driven = in_pages()

    driven.pages(service("a"), version=version)

    assert (driven.ports, driven.reflector.known, driven.reflector.state) == ({}, False, "failing")
    assert driven.waits == 0.4


def test_a_new_list_is_taken_by_difference() -> None:
    """What is not in it is gone, what is in it has never been gone, and only what differs has changed."""
    driven = watching(service("stays"), service("goes"), service("changes"), version=4)
    driven.reflector.objects.changed.clear()

    driven.says(error(410, "too old resource version"))
    assert driven.ports == {"stays": 80, "goes": 80, "changes": 80}
    driven.lists(service("stays", 8), service("changes", 9, port=81), service("comes"), version=9)

    assert driven.ports == {"stays": 80, "changes": 81, "comes": 80}
    assert driven.reflector.objects.changed == {
        "Service/default/goes",
        "Service/default/changes",
        "Service/default/comes",
    }


def test_a_selector_is_in_every_request() -> None:
    """Lists of either kind and watches: with one left out, every Secret of the cluster would arrive."""
    driven = Driven(source("Secret", selector={"fieldSelector": "type=kubernetes.io/tls"}))
    stream = driven.ask()
    driven.refuses(422)
    page = driven.ask()
    driven.pages(version=4)
    watch = driven.ask()

    selectors = [each.query["fieldSelector"] for each in (stream, page, watch)]
    assert selectors == ["type=kubernetes.io/tls"] * 3
    assert SERVICES.selector == {}


def test_lists_are_counted_not_pages() -> None:
    """For /debug/status: a cluster that is listed over and over has something wrong."""
    driven = in_pages()
    driven.pages(service("a"), version=7, token="t1")
    driven.ask()
    driven.pages(service("b"), version=7)
    assert driven.reflector.lists == 1

    driven.ask()
    driven.opens(error(410, "too old"))
    driven.ask()

    assert driven.reflector.lists == 2
