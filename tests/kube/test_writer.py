"""Statuses and Events in a real API server, written by processes that may do no more than they must."""

import asyncio
import json
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from runtime.link.link_publisher import LinkPublisher
from tests.kube.client import Client
from tests.kube.cluster import Cluster
from tests.kube.kubectl import kubectl
from tests.support.background import Background
from tests.support.deadline import wait_until
from tests.support.program import Program
from tests.support.up import ISOLINE
from tests.watcher.cluster.report.writing import row
from watcher.cluster.access import Access
from watcher.cluster.api import Api
from watcher.cluster.report.calls import Calls
from watcher.cluster.report.contests import Contests
from watcher.cluster.report.ingress_status import IngressStatus
from watcher.cluster.report.written import Written

pytestmark = [pytest.mark.cluster, pytest.mark.process]

FIRST, SECOND = "192.0.2.1", "192.0.2.2"
USER = "writer"
# All that a watcher may do in a namespace: what it reads, and what it writes.
READS = ["get", "list", "watch"]
RULES = {
    "ingresses": ("networking.k8s.io", READS),
    "services": ("", READS),
    "endpointslices": ("discovery.k8s.io", READS),
    "secrets": ("", READS),
    "leases": ("coordination.k8s.io", ["get", "create", "update"]),
    "ingresses/status": ("networking.k8s.io", ["patch"]),
    "events": ("events.k8s.io", ["create", "patch"]),
}
# A Lease, and until another is seen to have taken it.
TAKEN_SECONDS = 20.0


class Shop:
    """Ingresses in a namespace of the test's own, what a translator says of them, and who writes that."""

    def __init__(self, cluster: Cluster, kube: Client, background: Background, stack: ExitStack) -> None:
        self.kube = kube
        self.kubeconfig = cluster.kubeconfig("client-certificate", user=USER, namespace=kube.namespace)
        self.admin = cluster.kubeconfig(namespace=kube.namespace)
        self._background = background
        self._stack = stack
        self._programs: list[Program] = []
        self._folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="w-"))
        self._statuses = f"ipc://{self._folder}/resources"
        self._publisher = LinkPublisher(self._statuses, ("statuses",))
        self._publishing = asyncio.run_coroutine_threadsafe(self._publisher.run(), background.loop)
        stack.callback(self._stop)
        self.say({})

    def allow(self, *resources: str) -> None:
        """The user may do with these what a watcher does, and nothing else."""
        rules = [
            {"apiGroups": [RULES[name][0]], "resources": [name], "verbs": RULES[name][1]}
            for name in resources
        ]
        of = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": USER}}
        self.kube.apply(
            {**of, "kind": "Role", "rules": rules},
            {
                **of,
                "kind": "RoleBinding",
                "subjects": [{"kind": "User", "name": USER}],
                "roleRef": {"kind": "Role", "name": USER, "apiGroup": "rbac.authorization.k8s.io"},
            },
        )

    def start(self, address: str = FIRST) -> Program:
        """A watcher, which writes this address."""
        flags = {
            "--kubeconfig": self.kubeconfig,
            "--watch-namespace": self.kube.namespace,
            "--publish": f"ipc://{self._folder}/{len(self._programs)}",
            "--statuses": self._statuses,
            "--status-address": address,
        }
        words = [word for flag in flags.items() for word in flag]
        program = self._stack.enter_context(Program([ISOLINE, "watcher", *words]))
        self._programs.append(program)
        return program

    def ingress(self, *names: str) -> None:
        backend = {"service": {"name": "api", "port": {"number": 80}}}
        for name in names:
            self.kube.apply(
                {
                    "apiVersion": "networking.k8s.io/v1",
                    "kind": "Ingress",
                    "metadata": {"name": name},
                    "spec": {"defaultBackend": backend},
                }
            )

    def say(self, routes: dict[str, int | None], **problems: str) -> None:
        """Of each Ingress: how many of its routes are served (None: it is not ours), and what is wrong."""
        puts, deletes = {}, []
        for name, number in routes.items():
            ref = f"Ingress/{self.kube.namespace}/{name}"
            found = [problem(problems[name])] if name in problems else []
            if number is None:
                deletes.append(ref)
            else:
                puts[ref] = row(problems=found, routes=number)

        async def publish() -> None:
            self._publisher.publish("statuses", puts=puts, deletes=deletes, synced=True)

        self._background.run(publish())

    def entries(self, name: str) -> list[dict[str, str]]:
        status = self.kube.get("Ingress", name).get("status", {})
        found: list[dict[str, str]] = status.get("loadBalancer", {}).get("ingress", [])
        return found

    def becomes(self, name: str, *ips: str, seconds: float = 30.0) -> None:
        """Waits until these are the addresses of an Ingress."""
        meant = [{"ip": ip} for ip in ips]
        wait_until(lambda: self.entries(name) == meant, f"{name} has {meant}", seconds, of=self._programs)

    def version(self, name: str) -> str:
        return str(self.kube.get("Ingress", name)["metadata"]["resourceVersion"])

    def events(self) -> list[str]:
        """Each as type, reason, how often, and note."""
        found = self.kube.ask("GET", f"/apis/events.k8s.io/v1/namespaces/{self.kube.namespace}/events")
        return [
            f"{event['type']} {event['reason']} x{event.get('series', {}).get('count', 1)} {event['note']}"
            for event in found["items"]
        ]

    def tell(self, *events: str) -> None:
        """Waits until these are the Events."""
        wait_until(
            lambda: sorted(self.events()) == sorted(events), f"Events {events}", 30.0, of=self._programs
        )

    def _stop(self) -> None:
        self._publishing.cancel()
        self._background.run(asyncio.sleep(0))  # in which its socket is closed


def problem(message: str) -> dict[str, Any]:
    return {"severity": "error", "reason": "ServiceNotFound", "message": message, "field": "spec"}


@pytest.fixture
def shop(cluster: Cluster, kube: Client, background: Background) -> Iterator[Shop]:
    """Whoever writes has all the rules that a watcher needs."""
    with ExitStack() as stack:
        made = Shop(cluster, kube, background, stack)
        made.allow(*RULES)
        yield made


def test_a_served_ingress_gets_the_address_and_one_that_leaves_loses_it(shop: Shop) -> None:
    shop.ingress("web", "other")
    shop.start()

    shop.say({"web": 1, "other": 0})
    shop.becomes("web", FIRST)
    assert shop.entries("other") == []

    shop.say({"web": None})
    shop.becomes("web")


def test_what_somebody_else_wrote_stays_and_what_is_equal_is_not_written(shop: Shop) -> None:
    shop.ingress("others", "equal", "last")
    shop.kube.patch_status("Ingress", "others", {"loadBalancer": {"ingress": [{"ip": "198.51.100.1"}]}})
    ports = [{"port": 80, "protocol": "TCP"}]
    shop.kube.patch_status("Ingress", "equal", {"loadBalancer": {"ingress": [{"ip": FIRST, "ports": ports}]}})
    versions = [shop.version(name) for name in ("others", "equal")]
    shop.say({"equal": 1})

    program = shop.start()
    shop.say({"last": 1})
    shop.becomes("last", FIRST)
    program.terminate()
    shop.start()
    shop.say({"last": None})
    shop.becomes("last")

    assert [shop.version(name) for name in ("others", "equal")] == versions


def test_an_address_that_somebody_overwrites_is_written_again(shop: Shop) -> None:
    """The watch brings it; nothing else would have it looked at."""
    shop.ingress("web")
    shop.say({"web": 1})
    shop.start()
    shop.becomes("web", FIRST)

    shop.kube.patch_status("Ingress", "web", {"loadBalancer": {"ingress": [{"ip": SECOND}]}})

    shop.becomes("web", FIRST)


def test_who_always_overwrites_an_address_is_told_and_written_over_ever_more_slowly(shop: Shop) -> None:
    """After half a second and more, then after twice as long: in three rounds once a second at most."""
    shop.ingress("web")
    shop.say({"web": 1})
    program = shop.start()
    shop.becomes("web", FIRST)
    path = f"/apis/networking.k8s.io/v1/namespaces/{shop.kube.namespace}/ingresses/web/status"

    began = time.monotonic()
    for _ in range(4):
        status = {"status": {"loadBalancer": {"ingress": [{"ip": SECOND}]}}}
        merge = "application/merge-patch+json"
        shop.kube.ask("PATCH", path, status, content_type=merge, params={"fieldManager": "rival"})
        shop.becomes("web", FIRST)

    assert time.monotonic() - began > 0.5 + 1.0 + 2.0
    program.said(f'"by": "rival".*by others, too.*Ingress/{shop.kube.namespace}/web')
    assert sum("by others, too" in line for line in program.stderr + program.stdout) == 1


async def test_who_has_seen_an_old_version_reads_and_writes_again(shop: Shop) -> None:
    """The labels have changed since; what is written is what was to be written."""
    shop.ingress("web")
    ref = f"Ingress/{shop.kube.namespace}/web"
    seen = Written.of(shop.kube.get("Ingress", "web"), "us")
    shop.kube.patch("Ingress", "web", {"metadata": {"labels": {"a": "b"}}})
    core = IngressStatus({ref: seen}, [{ref: row(problems=[], routes=1)}], "us", Contests(lambda: 0.5))
    core.addresses = [{"ip": FIRST}]
    statuses = []

    async with Api(Access.of_kubeconfig(str(shop.kubeconfig))) as api:
        script, calls = core.write(ref, 0.0), Calls(api, "status")
        request = next(script, None)
        while request is not None:
            answer = await calls.send(request, 10.0)
            assert answer is not None
            statuses.append((request.method, answer.status))
            try:
                request = script.send(answer)
            except StopIteration:
                request = None

    assert statuses == [("PATCH", 409), ("GET", 200), ("PATCH", 200)]
    assert shop.entries("web") == [{"ip": FIRST}]
    assert shop.kube.get("Ingress", "web")["metadata"]["labels"] == {"a": "b"}


def test_two_installations_do_not_touch_what_the_other_wrote(shop: Shop) -> None:
    """The other has its Lease elsewhere, and so another name as a field manager."""
    shop.ingress("web", "last")
    shop.kube.ask(
        "PATCH",
        f"/apis/networking.k8s.io/v1/namespaces/{shop.kube.namespace}/ingresses/web/status",
        {"status": {"loadBalancer": {"ingress": [{"ip": SECOND}]}}},
        content_type="application/merge-patch+json",
        params={"fieldManager": "isoline/elsewhere/isoline"},
    )
    shop.start()

    shop.say({"last": 1})
    shop.becomes("last", FIRST)

    assert shop.entries("web") == [{"ip": SECOND}]


@pytest.mark.timeout(180)
def test_when_the_leader_is_killed_the_other_writes_soon(shop: Shop) -> None:
    shop.ingress("web")
    shop.say({"web": 1})
    leader = shop.start(FIRST)
    shop.becomes("web", FIRST)
    other = shop.start(SECOND)
    other.said("leader")

    leader.kill()
    began = time.monotonic()

    shop.becomes("web", SECOND)
    assert time.monotonic() - began < TAKEN_SECONDS


@pytest.mark.timeout(180)
def test_a_leader_that_was_stopped_writes_no_more_when_it_wakes(shop: Shop) -> None:
    """It has much to write when it is stopped, and the other has taken over when it wakes."""
    names = [f"web-{number}" for number in range(80)]
    shop.ingress(*names)
    shop.say({names[0]: 1})
    leader = shop.start(FIRST)
    shop.becomes(names[0], FIRST)
    other = shop.start(SECOND)
    other.said("leader")
    shop.say(dict.fromkeys(names, 1))

    leader.popen.send_signal(signal.SIGSTOP)
    for name in names:
        shop.becomes(name, SECOND)
    versions = [shop.version(name) for name in names]
    lines = len(leader.stderr)
    leader.popen.send_signal(signal.SIGCONT)
    leader.said("leader.*false", after=lines)

    assert [shop.version(name) for name in names] == versions
    other.kill()
    shop.becomes(names[-1], FIRST)


def test_who_ends_in_order_lets_the_other_write_at_once(shop: Shop) -> None:
    """Before the Lease of 15 s could expire."""
    shop.ingress("web")
    shop.say({"web": 1})
    leader = shop.start(FIRST)
    shop.becomes("web", FIRST)
    shop.start(SECOND).said("leader")

    began = time.monotonic()
    assert leader.terminate() == 0

    shop.becomes("web", SECOND)
    assert time.monotonic() - began < 10.0
    spec = shop.kube.get("Lease", "isoline")["spec"]
    assert (spec["leaseTransitions"], spec["leaseDurationSeconds"]) == (1, 15)


def test_problems_are_events_on_the_object_told_once_over_a_restart(shop: Shop) -> None:
    shop.ingress("web")
    shop.ingress("next")
    shop.say({"web": 1}, web="there is no Service api")
    first = shop.start()
    shop.tell("Warning ServiceNotFound x1 spec: there is no Service api")

    described = kubectl("describe", "ingress", "web", kubeconfig=shop.admin)
    first.terminate()
    second = shop.start()
    shop.becomes("web", FIRST)
    second.said("leader.*true")
    shop.say({"web": 1, "next": 1}, web="there is no Service api", next="there is no Service db")

    assert "ServiceNotFound" in described
    assert "spec: there is no Service api" in described
    shop.tell(
        "Warning ServiceNotFound x1 spec: there is no Service api",
        "Warning ServiceNotFound x1 spec: there is no Service db",
    )


def test_problems_that_are_gone_are_told_and_so_are_those_that_come_back(shop: Shop) -> None:
    shop.ingress("web")
    shop.start()
    resolved = "nothing is wrong with it any more"
    for count in (1, 2):
        shop.say({"web": 1}, web="there is no Service api")
        wait_until(lambda: any(f"NotFound x{count}" in event for event in shop.events()), "told", 30.0)  # noqa: B023
        shop.say({"web": 1})

        shop.tell(
            f"Warning ServiceNotFound x{count} spec: there is no Service api",
            f"Normal Resolved x{count} {resolved}",
        )


def test_a_missing_rule_is_told_once_and_stops_nothing_else(
    cluster: Cluster, kube: Client, background: Background
) -> None:
    with ExitStack() as stack:
        shop = Shop(cluster, kube, background, stack)
        shop.allow(*RULES.keys() - {"events"})
        shop.ingress("web", "other")
        program = shop.start()

        shop.say({"web": 1, "other": 1}, web="there is no Service api", other="there is no Service api")
        shop.becomes("web", FIRST)
        shop.becomes("other", FIRST)

        rule = 'cannot create resource \\\\"events\\\\" in API group \\\\"events.k8s.io\\\\"'
        program.said(rule)
        program.terminate()
        assert len([line for line in program.stderr if "not written" in line]) == 1


@pytest.mark.timeout(180)
def test_an_api_server_that_is_away_costs_two_lines_of_each_kind(
    own_cluster: Callable[..., Cluster], background: Background
) -> None:
    cluster = own_cluster()
    kube = cluster.client()
    with ExitStack() as stack:
        shop = Shop(cluster, kube, background, stack)
        shop.allow(*RULES)
        shop.ingress("web")
        shop.say({"web": 1})
        program = shop.start()
        shop.becomes("web", FIRST)

        cluster.kill()
        program.said("does not answer")
        shop.say({"web": None}, web="x")
        cluster.start()

        shop.becomes("web", seconds=60.0)
        program.terminate()
        lines = [json.loads(line) for line in program.stderr if "API server" in line]
        told = [f"{line['event']}: {line.get('writing')}" for line in lines]
        assert {"API server does not answer: lease", "API server answers again: lease"} <= set(told)
        assert len(set(told)) == len(told)
