"""External names that lead back to this machine: asked of DNS by `isoline check`, since no core can."""

import contextlib
import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

import orjson
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType

from isoline.problem import Told
from runtime.link.row import Row
from runtime.wire import decode
from translator import address, names, reasons
from translator.problem import Problem

# All names together: a resolver without an answer is asked again for as long as it likes, and nobody waits
# for it.
SECONDS = 5.0
# Asked at a time: a thread each.
ASKERS = 32

Lookup = Callable[[str], Iterable[str]]


def lookup(name: str) -> list[str]:
    """The addresses of a name; none when it has none now. It may take long."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(answer[4][0]) for answer in found]


def refused(
    rows: Mapping[str, Row], resources: Mapping[str, Row], ask: Lookup = lookup, seconds: float = SECONDS
) -> Iterator[Told]:
    """A problem for each Service among `rows` whose name, as `resources` have it, has an address that is
    refused.

    A name without an answer in that time is not told: the machine that checks may not be the one that serves.
    """
    external = dict(_external(resources))
    answers = _answers(sorted(set(external.values())), ask, seconds)
    for owner, name in sorted(external.items()):
        for text in answers.get(name, ()):
            wrong = address.refusal(ipaddress.ip_address(text.partition("%")[0]))
            if wrong is not None:
                message = f"externalName {name!r} resolves to {text}, which is {wrong}"
                yield _told(rows, f"Service/{owner}", message)
                break


def _external(resources: Mapping[str, Row]) -> Iterator[tuple[str, str]]:
    """`namespace/service` and name of the host of each cluster that is found by DNS."""
    for key, row in resources.items():
        type_, name = names.split(key)
        if type_ != names.CLUSTERS:
            continue
        cluster = decode(Cluster, row.body)
        if cluster.type == ClusterDiscoveryType.STRICT_DNS and cluster.load_assignment is not None:
            endpoint = cluster.load_assignment.endpoints[0].lb_endpoints[0].endpoint
            assert endpoint is not None  # noqa: S101 - as translator.envoy.cluster makes them
            assert endpoint.address is not None  # noqa: S101
            assert endpoint.address.socket_address is not None  # noqa: S101
            yield names.service_of(name)[0], endpoint.address.socket_address.address


def _answers(asked: list[str], ask: Lookup, seconds: float) -> dict[str, list[str]]:
    """What came in time. Threads that are ended by nobody: none may keep the command from ending."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in asked:
        waiting.put(name)
    found: queue.SimpleQueue[tuple[str, list[str]]] = queue.SimpleQueue()
    end = time.monotonic() + seconds

    def ask_on() -> None:
        with contextlib.suppress(queue.Empty):
            while time.monotonic() < end:
                name = waiting.get_nowait()
                found.put((name, list(ask(name))))

    for _ in range(min(ASKERS, len(asked))):
        threading.Thread(target=ask_on, daemon=True).start()
    answers: dict[str, list[str]] = {}
    while len(answers) < len(asked):
        try:
            name, listed = found.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            break
        answers[name] = listed
    return answers


def _told(rows: Mapping[str, Row], ref: str, message: str) -> Told:
    problem = Problem.of(ref, reasons.EXTERNAL_NAME_REFUSED, message, "spec.externalName")
    return Told(ref, problem.as_json(), orjson.loads(rows[ref].body).get("source") or {})
