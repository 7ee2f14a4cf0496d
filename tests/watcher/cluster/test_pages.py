"""Lists that are taken page by page."""

import pytest

from tests.watcher.cluster.bodies import error, service
from tests.watcher.cluster.driven import in_pages
from watcher.cluster.question import Question


def test_pages_follow_each_other_and_count_when_the_last_is_there() -> None:
    """The watch begins at the version of the last page (they all have the same)."""
    driven = in_pages()

    driven.pages(service("a"), version=7, token="t1")
    assert (driven.waits, driven.ask().query) == (0, {"limit": "500", "continue": "t1"})
    driven.pages(service("b"), version=7, token="t2")
    assert (driven.ports, driven.reflector.known) == ({}, False)
    assert driven.ask().query == {"limit": "500", "continue": "t2"}
    driven.pages(service("c"), version=7)

    assert driven.ports == {"a": 80, "b": 80, "c": 80}
    assert driven.ask().query["resourceVersion"] == "7"


def test_an_empty_page_that_names_a_next_one_is_not_the_end() -> None:
    """With a selector a page may have no match."""
    driven = in_pages()

    driven.pages(version=7, token="t1")
    driven.ask()
    driven.pages(service("a"), version=7)

    assert driven.ports == {"a": 80}


def test_a_page_whose_token_has_expired_is_followed_by_the_whole_list_in_one() -> None:
    """A list that takes longer than the history lasts would never end otherwise. Nothing of the old draft
    is left.
    """
    driven = in_pages()
    driven.pages(service("old"), version=7, token="t1")
    driven.ask()

    driven.refuses(410, "The provided continue parameter is too old")
    assert driven.ask() == Question("/api/v1/services", {}, watch=False, seconds=65.0)
    driven.pages(service("new"), version=9)

    assert driven.ports == {"new": 80}
    assert driven.ask().query["resourceVersion"] == "9"


@pytest.mark.parametrize("broken", ["lost", "late", "refused"])
def test_a_page_that_does_not_come_is_asked_for_again(broken: str) -> None:
    """Those before it are kept: a server that has too much to do is not asked for all again."""
    driven = in_pages()
    driven.pages(service("a"), version=7, token="t1")
    driven.ask()

    match broken:
        case "lost":
            driven.breaks()
        case "late":
            driven.is_late()
        case _:
            driven.refuses(429, "too many requests")
    assert driven.ask().query == {"limit": "500", "continue": "t1"}
    driven.pages(service("b"), version=7)

    assert driven.ports == {"a": 80, "b": 80}


def test_a_list_in_pages_has_a_minute_however_long_nothing_was_heard() -> None:
    """The patience with a stream is not that with a page: a watch before it may have been silent."""
    driven = in_pages()
    assert driven.reflector.patience is None
    driven.pages(service("a"), version=7)
    driven.ask()
    driven.opens()
    driven.later(400.0)

    driven.says(error(410, "too old"))

    assert driven.ask().query == {"limit": "500"}
    assert driven.reflector.patience is None


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"<html>", "the server sent what is no JSON"),
        (b'{"metadata": {"resourceVersion": "9"}, "items": {}}', "the server sent an answer that is no list"),
        (b'{"items": []}', "the server sent an answer that is no list"),
    ],
)
def test_garbage_instead_of_a_page_is_followed_by_another_list(answer: bytes, told: str) -> None:
    """Somebody else answers; an empty list it is not."""
    driven = in_pages()
    driven.pages(service("a"), version=7, token="t1")
    driven.ask()

    driven.reflector.page(answer, driven.now)

    assert (driven.reflector.state, driven.reflector.trouble) == ("failing", told)
    assert driven.ask().query == {"limit": "500"}
