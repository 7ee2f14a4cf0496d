"""When a list of nothing is believed."""

from tests.watcher.cluster.bodies import error, service, whole
from tests.watcher.cluster.driven import watching


def test_a_list_of_nothing_where_there_was_something_counts_when_it_came_three_times() -> None:
    """A cache that has lost its content has a good version and no objects; so it is asked another way."""
    driven = watching(service("a"), version=4)
    driven.says(error(410, "too old"))

    driven.ask()
    assert not driven.opens(whole(9))
    assert (driven.waits, driven.ask().query) == (1.0, {"limit": "500"})
    driven.pages(version=9)
    assert (driven.ports, driven.reflector.state) == ({"a": 80}, "listing")
    assert driven.reflector.trouble == "the list is empty, and there were 1 objects"
    assert (driven.waits, driven.ask().query) == (1.0, {"limit": "500"})
    driven.pages(version=9)

    assert (driven.ports, driven.reflector.state) == ({}, "watching")


def test_a_list_that_is_not_empty_ends_the_doubt() -> None:
    """The next empty one is the first again, and is asked for as a stream again."""
    driven = watching(service("a"), version=4)
    driven.says(error(410, "too old"))
    for _ in range(2):
        driven.ask()
        driven.pages(version=9)

    driven.ask()
    driven.pages(service("a"), version=9)
    driven.ask()
    driven.opens(error(410, "too old"))
    assert "sendInitialEvents" in driven.ask().query
    driven.opens(whole(12))

    assert driven.ports == {"a": 80}


def test_the_first_list_of_all_may_be_empty() -> None:
    """Empty is a value."""
    driven = watching(version=4)

    assert (driven.ports, driven.reflector.known, driven.reflector.state) == ({}, True, "watching")
