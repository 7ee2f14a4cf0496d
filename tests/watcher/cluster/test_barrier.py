"""When what has changed is given out: whole, and not while some of it may be missing."""

import pytest

from tests.watcher.cluster.bodies import (
    added,
    body,
    delegation,
    deleted,
    error,
    modified,
    secret,
    service,
    whole,
)
from tests.watcher.cluster.driven import DELEGATIONS, port, source
from tests.watcher.cluster.together import CERTIFICATES, INGRESSES, OPAQUE, SERVICES, Together


def ingress(name: str, version: int = 1) -> dict[str, object]:
    return body("Ingress", name, version, spec={})


@pytest.fixture
def both() -> Together:
    """Ingresses and Services, listed and given out: Ingress i, Service s."""
    made = Together(INGRESSES, SERVICES)
    made.lists(INGRESSES, ingress("i"))
    made.lists(SERVICES, service("s"))
    made.take()
    return made


def test_nothing_is_given_out_before_every_source_is_listed() -> None:
    """K8: half of a cluster would be routes without Services. Then all comes as one."""
    both = Together(INGRESSES, SERVICES)

    both.lists(INGRESSES, ingress("i"))
    both.later(100.0)
    assert (both.take(), both.cluster.complete, both.cluster.deadline) == (None, False, None)
    assert [each.source.name for each in both.cluster.missing] == ["services"]

    both.lists(SERVICES, service("s"))
    batch = both.take()
    assert batch is not None
    assert (both.objects, batch.deletes, batch.held) == (["Ingress/i", "Service/s"], frozenset(), frozenset())
    assert both.cluster.complete


def test_a_cluster_without_objects_is_given_out() -> None:
    """Empty is a value: who follows the table learns that this is all."""
    both = Together(INGRESSES, SERVICES)
    both.lists(INGRESSES)
    both.lists(SERVICES)

    assert both.take() is not None

    assert both.take() is None


def test_a_kind_that_the_cluster_does_not_have_is_waited_for_no_longer() -> None:
    """K8: it is known to be empty. When it appears its objects come like others."""
    both = Together(SERVICES, DELEGATIONS)
    both.lists(SERVICES, service("s"))
    both.refuses(DELEGATIONS, 404)
    both.take()
    assert both.objects == ["Service/s"]

    both.later(30.0)
    both.lists(DELEGATIONS, delegation("d"))
    both.take()

    assert both.objects == ["Service/s", "TLSCertificateDelegation/d"]


def test_an_event_is_given_out_at_once_when_nobody_is_behind(both: Together) -> None:
    """Alone: the rest of the table has not changed."""
    both[SERVICES].says(added(service("t", 5)))

    batch = both.take()

    assert batch is not None
    assert (list(batch.puts), batch.deletes, batch.since) == (["Service/default/t"], frozenset(), both.now)
    assert both[SERVICES].reflector.objects.changed == set()


def test_events_that_are_taken_together_are_one_batch(both: Together) -> None:
    """The last state of each wins."""
    both[SERVICES].says(added(service("t", 5)), modified(service("t", 6, port=81)), deleted(service("s", 7)))

    batch = both.take()

    assert batch is not None
    assert {ref: port(row) for ref, row in batch.puts.items()} == {"Service/default/t": 81}
    assert batch.deletes == {"Service/default/s"}


def test_nothing_is_given_out_when_nothing_that_anyone_reads_has_changed(both: Together) -> None:
    """Neither by an event nor by a whole list."""
    both[SERVICES].says(modified({**service("s", 5), "status": {}}))
    assert both.take() is None

    both[SERVICES].says(error(410, "too old"))
    both.lists(SERVICES, service("s", 5), version=9)

    assert (both.take(), both.cluster.deadline) == (None, None)


def test_after_an_outage_nothing_is_given_out_while_some_source_is_behind(both: Together) -> None:
    """An Ingress that moved to a Service made meanwhile must not come before that Service."""
    both.fails(INGRESSES)
    both.fails(SERVICES)
    both.recovers(INGRESSES, modified({**ingress("i", 6), "spec": {"rules": []}}))
    assert (both.take(), both.cluster.deadline) == (None, both.now + 5.0)

    both.later(2.0)
    both.recovers(SERVICES, added(service("new", 5)))
    assert (both.take(), both.cluster.deadline) == (None, both.now + 0.05)
    both.later(0.05)
    batch = both.take()

    assert batch is not None
    assert sorted(batch.puts) == ["Ingress/default/i", "Service/default/new"]
    assert batch.since == both.now - 2.05


def test_a_source_that_stays_behind_is_waited_for_five_seconds(both: Together) -> None:
    """Longer would be an outage of what works. From then on it is not waited for."""
    both.fails(INGRESSES)
    both[SERVICES].says(added(service("t", 5)))
    assert both.take() is None

    both.later(4.9)
    assert both.take() is None
    both.later(0.1)
    assert both.take() is not None
    both[SERVICES].says(added(service("u", 6)))

    assert both.take() is not None
    assert both.objects == ["Ingress/i", "Service/s", "Service/t", "Service/u"]


def test_a_source_that_comes_and_goes_holds_nothing_back_for_longer_than_five_seconds(both: Together) -> None:
    """Though it is about to catch up at each look."""
    both.fails(INGRESSES)
    both[SERVICES].says(added(service("t", 5)))
    given = []
    for _ in range(161):
        given.append(both.take())
        both.recovers(INGRESSES)
        given.append(both.take())
        both.fails(INGRESSES)
        both.later(1 / 32)

    assert [each is not None for each in given].index(True) == 320
    assert "Service/t" in both.objects


def test_a_source_that_recovers_is_waited_for_the_next_time(both: Together) -> None:
    """Being excused ends with the outage."""
    both.fails(INGRESSES)
    both[SERVICES].says(added(service("t", 5)))
    both.take()
    both.later(5.0)
    both.take()
    both.recovers(INGRESSES)
    both.take()
    both.later(60.0)

    both.fails(INGRESSES)
    both[SERVICES].says(added(service("u", 6)))

    assert both.take() is None


def test_the_last_one_that_is_waited_for_has_time_to_catch_up_though_another_is_excused() -> None:
    """What it has missed comes with its first bytes, or nearly."""
    three = Together(INGRESSES, SERVICES, DELEGATIONS)
    for each in (INGRESSES, SERVICES, DELEGATIONS):
        three.lists(each)
    three.take()
    three.fails(DELEGATIONS)
    three[SERVICES].says(added(service("s", 5)))
    three.take()
    three.later(5.0)
    three.take()

    three.fails(SERVICES)
    three[INGRESSES].says(added(ingress("i", 6)))
    assert three.take() is None
    three.recovers(SERVICES)

    assert (three.take(), three.cluster.deadline) == (None, three.now + 0.05)


def test_a_list_that_is_doubted_holds_back_what_others_bring(both: Together) -> None:
    """It is not known yet what there is."""
    both[SERVICES].says(error(410, "too old"))
    both[SERVICES].ask()
    both[SERVICES].opens(whole(9))
    both[INGRESSES].says(added(ingress("j", 10)))

    assert both.take() is None


def test_a_source_that_is_forbidden_or_missing_holds_nothing_back() -> None:
    """Nobody knows when that ends."""
    three = Together(SERVICES, CERTIFICATES, DELEGATIONS)
    three.lists(SERVICES)
    three.lists(CERTIFICATES)
    three.refuses(DELEGATIONS, 404)
    three.take()
    three[CERTIFICATES].breaks()
    three.refuses(CERTIFICATES, 403, "secrets is forbidden")
    three.take()

    three[SERVICES].says(added(service("s", 5)))
    three.later(0.05)

    assert three.take() is not None
    assert "Service/s" in three.objects


def test_what_was_brought_and_taken_back_while_it_waited_is_not_given_out(both: Together) -> None:
    """Only the last state counts, and an object that is there again was never gone."""
    both.fails(INGRESSES)
    both[SERVICES].says(added(service("t", 5)), deleted(service("s", 6)))
    assert both.take() is None
    both[SERVICES].says(deleted(service("t", 7)), added(service("s", 8, port=81)))
    both.later(5.0)

    batch = both.take()

    assert batch is not None
    assert "Service/default/s" not in batch.deletes
    assert list(batch.puts) == ["Service/default/s"]
    assert both.objects == ["Ingress/i", "Service/s"]


@pytest.mark.parametrize("first", ["deleted", "added"])
def test_a_secret_that_is_made_anew_with_another_type_is_held_by_its_new_source(first: str) -> None:
    """Each type is a source of its own, and they tell in any order."""
    both = Together(CERTIFICATES, OPAQUE)
    both.lists(CERTIFICATES)
    both.lists(OPAQUE, secret("a", 1, type_="Opaque"))
    both.take()

    steps = [
        (OPAQUE, deleted(secret("a", 5, type_="Opaque"))),
        (CERTIFICATES, added(secret("a", 6))),
    ]
    for where, line in steps if first == "deleted" else reversed(steps):
        both[where].says(line)
        both.take()

    assert both.objects == ["Secret/a"]
    assert both.table["Secret/default/a"].origin == CERTIFICATES.name
    assert b"kubernetes.io/tls" in both.table["Secret/default/a"].body


def test_the_same_name_in_two_namespaces_is_two_objects() -> None:
    """Each namespace that is named is a source of its own."""
    sources = [source("Service", namespace=namespace) for namespace in ("a", "b")]
    both = Together(*sources)
    for each in sources:
        both.lists(each, service("s", namespace=each.namespace))
    both.take()

    both[sources[0]].says(deleted(service("s", 5, namespace="a")))
    both.take()

    assert both.objects == ["Service/b/s"]
