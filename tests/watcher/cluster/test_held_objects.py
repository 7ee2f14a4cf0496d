"""Which event about an object is news, and what of it is kept."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from tests.watcher.cluster.bodies import (
    added,
    deleted,
    error,
    modified,
    secret,
    service,
    whole,
)
from tests.watcher.cluster.driven import Driven, source, watching


def changed(driven: Driven, *lines: bytes) -> set[str]:
    """The names of the objects that these change."""
    objects = driven.reflector.objects
    objects.changed.clear()
    assert driven.says(*lines)
    return {ref.rpartition("/")[2] for ref in objects.changed}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}},
        {"metadata": {"labels": {"tier": "web"}}},
        {"metadata": {"managedFields": [{"manager": "kubectl"}], "generation": 2}},
        {"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}},
    ],
)
def test_what_nobody_reads_is_no_change(more: dict[str, Any]) -> None:
    """K9: status, managedFields, resourceVersion; labels, but for an EndpointSlice's Service; and kubectl's
    copy of the whole object.
    """
    first = service("a", 1, metadata={"annotations": {}})
    driven = watching(first, version=4)

    assert (
        changed(driven, modified({**service("a", 5, metadata={"annotations": {}}), **_merged(more)})) == set()
    )


def _merged(more: dict[str, Any]) -> dict[str, Any]:
    metadata = service("a", 5, metadata={"annotations": {}, **more.get("metadata", {})})["metadata"]
    return {**more, "metadata": metadata}


@pytest.mark.parametrize(
    "new",
    [
        service("a", 5, port=81),
        service("a", 5, metadata={"annotations": {"isoline.dev/timeout": "3s"}}),
        service("a", 5, uid="another"),
    ],
)
def test_what_somebody_reads_is_a_change(new: dict[str, Any]) -> None:
    """Content, annotations; another uid is another object, though it came as MODIFIED (K9)."""
    driven = watching(service("a", 1), version=4)

    assert changed(driven, modified(new)) == {"a"}


def test_an_event_that_comes_twice_is_one_change() -> None:
    """After a broken watch the last events may come again."""
    driven = watching(version=4)
    assert changed(driven, added(service("a", 5))) == {"a"}

    assert changed(driven, added(service("a", 5)), modified(service("a", 5))) == set()


def test_an_event_that_is_older_than_what_is_held_is_late() -> None:
    """A watch that begins again somewhat earlier takes nothing back."""
    driven = watching(service("a", 8, port=81), version=8)

    assert changed(driven, modified(service("a", 7)), deleted(service("a", 7))) == set()

    assert driven.ports == {"a": 81}


def test_an_event_that_is_older_than_a_deletion_is_late() -> None:
    """And one that is newer is an object which was made again."""
    driven = watching(service("a", 3), version=4)
    driven.says(deleted(service("a", 6)))

    driven.says(modified(service("a", 5)))
    assert driven.ports == {}

    driven.says(added(service("a", 7, port=81)))
    assert driven.ports == {"a": 81}


@pytest.mark.parametrize(
    "lines",
    [
        [deleted(service("a", 5)), added(service("a", 6, port=81, uid="2"))],
        [added(service("a", 6, port=81, uid="2")), deleted(service("a", 5))],
        [modified(service("a", 6, port=81, uid="2"))],
    ],
)
def test_an_object_that_is_made_again_is_the_new_one(lines: list[bytes]) -> None:
    """In either order, and as one event (K9)."""
    driven = watching(service("a", 3), version=4)

    driven.says(*lines)

    assert driven.ports == {"a": 81}
    assert orjson.loads(driven.rows["Service/default/a"].body)["metadata"]["uid"] == "2"


def test_versions_that_are_no_numbers_are_never_late() -> None:
    """K1: they were opaque for long; then the last event wins."""
    driven = watching(version=4)
    first, second = service("a"), service("a", port=81)
    first["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"] = "b", "a"

    driven.says(added(first), modified(second))

    assert driven.ports == {"a": 81}


def test_a_list_counts_though_its_versions_are_lower() -> None:
    """After etcd was restored from a backup; and the events that follow are no late ones."""
    driven = watching(service("a", 900), version=900)
    driven.says(deleted(service("b", 901)), error(410, "too old"))

    driven.lists(service("a", 5, port=81), version=6)
    driven.says(modified(service("a", 7, port=82)), added(service("b", 8)))

    assert driven.ports == {"a": 82, "b": 80}


def test_a_secret_that_nobody_could_use_is_not_kept() -> None:
    """An Opaque one without both keys; when it gets them it is there, and gone when it loses them."""
    driven = Driven(source("Secret", selector={"fieldSelector": "type=Opaque"}))
    opaque = secret("a", 1, type_="Opaque")
    driven.lists({**opaque, "data": {"password": "eA=="}}, version=4)
    assert driven.rows == {}

    driven.says(modified(secret("a", 5, type_="Opaque")))
    assert list(driven.rows) == ["Secret/default/a"]
    assert b"password" not in driven.rows["Secret/default/a"].body

    driven.says(modified({**secret("a", 6, type_="Opaque"), "data": {}}))
    assert driven.rows == {}


def test_objects_that_nobody_could_use_are_objects() -> None:
    """A list of these alone is not empty, so there is nothing to doubt."""
    driven = Driven(source("Secret", selector={"fieldSelector": "type=Opaque"}))
    driven.lists({**secret("a", 1, type_="Opaque"), "data": {}}, version=4)
    driven.says(error(410, "too old"))

    driven.ask()

    assert not driven.opens(whole(9))
    assert driven.reflector.trouble == "the list is empty, and there were 1 objects"


def test_a_row_says_which_source_it_is_from() -> None:
    """As its origin: what can't be read after a restart is held by that name."""
    driven = watching(service("a"), version=4)

    assert driven.rows["Service/default/a"].origin == "services"


def test_a_fact_is_taken_of_the_whole_object_and_goes_with_it() -> None:
    """What rows leave out may matter to the watcher itself: that an Ingress has a status, say."""

    def fact(body: Mapping[str, Any]) -> object:
        return body.get("status")

    driven = Driven(fact=fact)
    driven.lists({**service("a", 1), "status": "old"}, version=4)
    assert driven.reflector.objects.facts == {"Service/default/a": "old"}

    assert changed(driven, modified({**service("a", 5), "status": "new"})) == {"a"}
    assert driven.reflector.objects.facts == {"Service/default/a": "new"}

    driven.says(deleted(service("a", 6)))
    assert driven.reflector.objects.facts == {}


def test_a_version_of_thousands_of_digits_is_no_number() -> None:
    """Python refuses to read one; the process must not end by it."""
    driven = watching(version=4)
    endless = service("a", port=81)
    endless["metadata"]["resourceVersion"] = "9" * 5000

    driven.says(added(endless))

    assert driven.ports == {"a": 81}


def test_an_object_that_nests_too_deep_is_passed_over() -> None:
    """It can be read but not be written again; the process must not end by it."""
    driven = watching(version=4)
    deep = added({**service("deep", 5), "spec": "SPEC"}).replace(b'"SPEC"', b"[" * 300 + b"]" * 300)

    assert driven.says(deep, added(service("a", 6)))

    assert driven.ports == {"a": 80}


def test_late_events_are_known_of_the_last_thousand_deletions() -> None:
    """More would be a leak: Jobs make and delete objects for years."""
    driven = watching(version=1)
    others = [deleted(service(f"o{number}", 3 + number)) for number in range(1023)]

    driven.says(deleted(service("a", 2)), *others, deleted(service("a", 2000)), deleted(service("b", 2001)))
    assert len(driven.reflector.objects._gone) == 1024
    driven.says(added(service("a", 1999)), added(service("o0", 2)))

    assert driven.ports == {"o0": 80}
