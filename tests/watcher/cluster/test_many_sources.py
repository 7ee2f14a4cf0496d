"""A cluster of which a hundred namespaces are read: some six hundred sources."""

from collections.abc import Callable

import pytest

from tests.watcher.cluster.bodies import added, body, deleted, error, modified, service
from tests.watcher.cluster.driven import Driven, source
from watcher.cluster.cluster import Cluster
from watcher.cluster.reflector import Reflector
from watcher.cluster.source import sources


class Seen(Reflector):
    """`by` are the names of those at which anybody has looked."""

    by: set[str]

    def __getattribute__(self, name: str) -> object:
        if name not in {"by", "source", "__dict__", "__class__"}:
            self.by.add(self.source.name)
        return super().__getattribute__(name)


class Many:
    """All are listed and given out, and of namespace n7 there is a Service `s`."""

    def __init__(self) -> None:
        Seen.by = set()
        self.driven = [Driven(each) for each in sources([f"n{number}" for number in range(100)])]
        for each in self.driven:
            each.reflector = Seen(each.reflector.source, lambda: 0.0)
        self.cluster = Cluster([each.reflector for each in self.driven])
        self.one = next(
            each for each in self.driven if each.reflector.source.name == "services of namespace n7"
        )
        for each in self.driven:
            own = [service("s", namespace="n7")] if each is self.one else []
            each.lists(*own, version=4)
        self.cluster.batch(0.0)

    def looked_at(self, change: Callable[[Driven], object]) -> set[str]:
        """Which sources are, when this happens to the one."""
        change(self.one)
        Seen.by.clear()
        self.cluster.heard(self.one.reflector)
        self.cluster.batch(100.0)
        return set(Seen.by)


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.says(added(service("t", 5, namespace="n7"))),
        lambda one: one.says(modified(service("s", 5, port=81, namespace="n7"))),
        lambda one: one.says(deleted(service("s", 5, namespace="n7"))),
        lambda one: one.breaks(),
        lambda one: one.says(error(410, "too old")),
    ],
    ids=["an object more", "another", "one less", "its watch breaks off", "it has expired"],
)
def test_a_change_costs_what_its_own_source_costs(change: Callable[[Driven], object]) -> None:
    """However many others there are."""
    many = Many()

    assert many.looked_at(change) == {"services of namespace n7"}


def test_a_change_costs_no_more_while_all_the_others_are_behind() -> None:
    """In an outage of five seconds and more, when they are waited for no longer."""
    many = Many()
    for each in many.driven:
        if each is not many.one:
            each.breaks()
            many.cluster.heard(each.reflector)
    many.cluster.batch(1.0)

    looked_at = many.looked_at(lambda one: one.says(added(service("t", 5, namespace="n7"))))

    assert looked_at == {"services of namespace n7"}
    assert "Service/n7/t" in many.cluster.rows


def test_what_is_known_of_objects_is_gathered_of_all_sources() -> None:
    """Of those that there are, as it is now."""
    driven = [Driven(source("Ingress", namespace=each), lambda found: found["status"]) for each in "ab"]
    cluster = Cluster([each.reflector for each in driven])
    for each in driven:
        namespace = each.reflector.source.namespace
        each.lists(body("Ingress", "i", 1, namespace=namespace, spec={}, status=1), version=4)
    cluster.batch(0.0)
    assert cluster.facts == {"Ingress/a/i": 1, "Ingress/b/i": 1}

    driven[0].says(deleted(body("Ingress", "i", 5, namespace="a", spec={}, status=1)))
    driven[1].says(modified(body("Ingress", "i", 6, namespace="b", spec={}, status=2)))
    for each in driven:
        cluster.heard(each.reflector)
    cluster.batch(1.0)

    assert cluster.facts == {"Ingress/b/i": 2}
