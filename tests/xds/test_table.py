"""The union of several sources with a journal: what changed since a revision, and what may go."""

import pytest

from runtime.link.row import Row
from tests.xds.harness import cluster, endpoints, host, row, site
from xds_server.resource_type import BY_KEY
from xds_server.table import Table

A, B = "ingress_http/a.example.com", "ingress_http/b.example.com"
SITE_A = ("hosts/ingress_http/a.example.com", "clusters/ns/a/80", "endpoints/ns/a/http")


def table(*batches: dict[str, Row], sources: int = 1) -> Table:
    """One of these batches, each of source 0."""
    made = Table(sources)
    for batch in batches:
        made.apply(0, batch, (), synced=True)
    return made


def test_the_journal_has_each_name_once_in_the_order_of_its_last_change() -> None:
    """However often it changed."""
    made = table(host("a"), host("b"), host("a", "2"), host("a", "3"))

    assert made.revision == 4
    assert made.changes("hosts", 0) == [B, A]
    assert made.changes("hosts", 2) == [A]
    assert made.changes("hosts", 4) == []
    assert made.changes("clusters", 0) == []


def test_a_batch_that_changes_nothing_is_no_revision() -> None:
    """Equal rows, and deletes of what isn't there."""
    made = table(site("a"))

    assert made.apply(0, site("a"), ["hosts/nobody"], synced=True) == ()

    assert made.revision == 1


def test_a_removed_name_is_in_the_journal_until_it_is_pruned() -> None:
    """A stream that has not passed its removal has still to be told."""
    made = table(host("a"), host("b"))
    made.apply(0, {}, [f"hosts/{A}"], synced=True)
    assert made.changes("hosts", 2) == [A]
    assert made.row("hosts", A) is None
    assert (made.removed("hosts"), made.sizes()["hosts"]) == (3, 1)

    made.prune(dict.fromkeys(BY_KEY, 2))
    assert made.entry("hosts", A) is not None

    made.prune(dict.fromkeys(BY_KEY, 3))
    assert made.entry("hosts", A) is None
    assert made.names("hosts") == [B]


def test_what_comes_back_is_new() -> None:
    """`added` is when it appeared last."""
    made = table(host("a"))
    made.apply(0, {}, [f"hosts/{A}"], synced=True)
    made.apply(0, host("a"), [], synced=True)

    entry = made.entry("hosts", A)

    assert entry is not None
    assert (entry.added, entry.changed, made.sizes()["hosts"]) == (3, 3, 1)


def test_a_batch_is_deleted_whole_with_what_it_needs() -> None:
    """Whatever the order of its keys."""
    for keys in (SITE_A, SITE_A[::-1]):
        made = table(site("a"))

        assert set(made.apply(0, {}, keys, synced=True)) == set(SITE_A)

        assert made.sizes()["clusters"] == made.sizes()["endpoints"] == made.sizes()["hosts"] == 0


def test_what_is_needed_stays_and_goes_with_its_last_user() -> None:
    """The host of another shard moves or goes later."""
    made = Table(2)
    made.apply(0, {**cluster("a"), **endpoints("a")}, (), synced=True)
    made.apply(1, {**host("a"), **host("b", to="a")}, (), synced=True)

    assert made.apply(0, {}, SITE_A[1:], synced=True) == ()
    assert made.row("clusters", "ns/a/80") is not None
    assert made.apply(1, {}, [f"hosts/{B}"], synced=True) == (f"hosts/{B}",)

    moved = made.apply(1, host("a", "2", to="c"), (), synced=True)
    assert set(moved) == set(SITE_A)
    assert made.row("clusters", "ns/a/80") is None
    assert made.row("endpoints", "ns/a/http") is None


def test_what_was_to_go_and_is_put_again_stays() -> None:
    """Equal or not."""
    made = Table(2)
    made.apply(0, {**cluster("a"), **endpoints("a")}, (), synced=True)
    made.apply(1, host("a"), (), synced=True)
    made.apply(0, {}, SITE_A[1:], synced=True)

    made.apply(0, {**cluster("a"), **endpoints("a", "2")}, (), synced=True)
    made.apply(1, {}, SITE_A[:1], synced=True)

    assert made.row("clusters", "ns/a/80") == cluster("a")["clusters/ns/a/80"]
    assert made.row("endpoints", "ns/a/http") == endpoints("a", "2")["endpoints/ns/a/http"]


def test_a_row_that_two_sources_have_lives_as_long_as_one_has_it() -> None:
    """While the number of shards changes, both have it."""
    made = Table(2)
    made.apply(0, row("listeners/x"), (), synced=True)
    made.apply(1, row("listeners/x", "2"), (), synced=True)

    assert made.apply(1, {}, ["listeners/x"], synced=True) == ("listeners/x",)
    assert made.row("listeners", "x") == row("listeners/x")["listeners/x"]

    made.apply(0, {}, ["listeners/x"], synced=True)
    assert made.row("listeners", "x") is None


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_it_is_synced_when_all_its_sources_have_been(order: tuple[int, int]) -> None:
    """And stays so while one of them starts again."""
    made = Table(2)
    made.apply(order[0], {}, (), synced=True)
    assert not made.synced
    made.apply(order[1], {}, (), synced=True)
    assert made.synced

    made.apply(order[0], {}, (), synced=False)

    assert made.synced


def test_the_users_of_a_row_follow_the_newest_needs() -> None:
    """A host that moves uses its old cluster no more."""
    made = table(site("a"), site("b"))
    made.apply(0, host("a", "2", to="b"), (), synced=True)

    assert made.users("clusters/ns/a/80") == set()
    assert made.users("clusters/ns/b/80") == {f"hosts/{A}", f"hosts/{B}"}
