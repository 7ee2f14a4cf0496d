"""Each right to write is needed, and with all of them everything is written."""

import itertools
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.deploy import each_kind, mount_namespace
from tests.deploy.installed import NAMESPACE, TRANSLATOR, WATCHER, Installed, installed
from tests.deploy.objects import Object, Objects
from tests.deploy.rights import granted, taken_away
from tests.deploy.test_rights_to_read import READING
from tests.kube.client import ApiError
from tests.kube.cluster import Cluster
from tests.support.background import Background
from tests.support.program import Program

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.process,
    pytest.mark.skipif(mount_namespace.way() is None, reason="no mount namespace can be made here"),
]

ADDRESSES = ("192.0.2.80", "192.0.2.81")
# What is done, by the name of the Ingress that it is done to: when that holds which needs the right.
Story = Callable[[Installed, str], Callable[[], object]]


def served(running: Installed, name: str) -> Callable[[], object]:
    """An Ingress gets the address of Envoys."""
    running.client.apply(*ours(name))
    return lambda: running.address(name) in ADDRESSES


def served_while_others_write(running: Installed, name: str) -> Callable[[], object]:
    """An Ingress that is another version by the time that its status is written gets it all the same."""
    running.client.apply(*ours(name))
    addresses, versions = itertools.cycle(ADDRESSES), itertools.count()
    moved = ""

    def write() -> None:
        for number in itertools.islice(versions, 20):
            running.client.patch("Ingress", name, {"metadata": {"annotations": {"number": str(number)}}})

    def condition() -> bool:
        nonlocal moved
        if conflicts(running):
            return running.address(name) == moved
        moved = next(addresses)
        with ThreadPoolExecutor(1) as others:
            writing = others.submit(write)
            running.move(moved)  # whose news meets an Ingress that is never long of one version
            writing.result()
        return False

    return condition


def wrong(running: Installed, name: str) -> Callable[[], object]:
    """An Ingress without its Service has an Event that says so."""
    running.client.apply(ours(name)[0])
    return lambda: events(running, name)


def wrong_again(running: Installed, name: str) -> Callable[[], object]:
    """When it is wrong once more, the Event is told once more."""
    ingress, *rest = ours(name)
    running.client.apply(ingress)
    running.plain.until(lambda: len(events(running, name)) == 1, "it is told")
    running.client.apply(*rest)
    running.plain.until(lambda: len(events(running, name)) == 2, "and that it is well again")
    running.client.delete("Service", name)
    return lambda: any(event.get("series") for event in events(running, name))


def led(running: Installed, _name: str) -> Callable[[], object]:
    """The Lease is renewed."""
    return lambda: lease(running).get("renewTime", "") > lease(running).get("acquireTime", "")


WRITING: dict[str, Story] = {
    "patch ingresses.networking.k8s.io/status": served,
    "get ingresses.networking.k8s.io": served_while_others_write,
    "create events.events.k8s.io": wrong,
    "patch events.events.k8s.io": wrong_again,
    "create leases.coordination.k8s.io in isoline": led,
    "get leases.coordination.k8s.io isoline in isoline": led,
    "update leases.coordination.k8s.io isoline in isoline": led,
}


@pytest.fixture(scope="module")
def running(assets: Path, background: Background) -> Iterator[Installed]:
    """A translator, and no watcher yet; Envoys have an address."""
    with Cluster(assets) as cluster, installed(cluster, background) as found:
        found.move(ADDRESSES[0])
        found.plain.start(TRANSLATOR)
        yield found


@contextmanager
def watching(running: Installed, objects: Objects, *lacking: str) -> Iterator[Program]:
    """A watcher that lacks these rights; nobody has led before it."""
    with taken_away(running.client, objects, *lacking):
        if lease(running):
            running.client.delete("Lease", "isoline", namespace=NAMESPACE)
        running.plain.start(WATCHER)
        program = running.plain.programs[WATCHER]
        try:
            running.plain.becomes_ready(WATCHER)
            yield program
        finally:
            program.terminate()


def ours(name: str) -> list[Object]:
    """An Ingress of our class, its Service and an EndpointSlice."""
    return each_kind.named(name)[:3]


def events(running: Installed, name: str) -> list[Object]:
    """Those about an Ingress."""
    return [item for item in running.client.list("Event") if item["involvedObject"]["name"] == name]


def lease(running: Installed) -> Object:
    """What the Lease says; empty without one."""
    try:
        found: Object = running.client.get("Lease", "isoline", namespace=NAMESPACE)["spec"]
    except ApiError:
        return {}
    return found


def conflicts(running: Installed) -> float:
    """How often a status was written to a version that is not the last."""
    url = f"http://{running.plain.at('isoline-control-plane-0', 8011)}/metrics"
    start = 'isoline_watcher_writes_total{kind="status",outcome="conflict"} '
    lines = httpx.get(url, trust_env=False).text.splitlines()
    return sum(float(line.removeprefix(start)) for line in lines if line.startswith(start))


def _said(program: Program, pattern: str) -> bool:
    return any(re.search(pattern, line) for line in program.stderr)


def test_with_all_rights_everything_is_written_and_nothing_refused(
    running: Installed, objects: Objects
) -> None:
    """Statuses, Events and the Lease."""
    with watching(running, objects) as watcher:
        for number, story in enumerate(dict.fromkeys(WRITING.values())):
            running.plain.until(story(running, f"with-{number}"), str(story.__doc__))

        assert not any("forbidden" in line for line in watcher.stderr)


@pytest.mark.parametrize("right", WRITING)
def test_without_a_right_to_write_what_needs_it_is_not_written_and_that_is_told(
    running: Installed, objects: Objects, right: str
) -> None:
    """In the API server's words, which name the verb and the resource."""
    with watching(running, objects, right) as watcher:
        refusal = granted(objects)[right].refusal
        holds = WRITING[right](running, f"without-{list(WRITING).index(right)}")

        running.plain.until(
            lambda: holds() or any(re.search(refusal, line) for line in watcher.stderr), "it is told"
        )
        assert not holds()


def test_the_tables_have_every_right_of_deploy(objects: Objects) -> None:
    """One that is missing here is not known to be needed."""
    assert READING.keys() | WRITING.keys() == granted(objects).keys()
    assert not READING.keys() & WRITING.keys()
