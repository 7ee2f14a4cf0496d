"""A Delta client in a process of its own that notes when each response came, and looks into none of them."""

import multiprocessing
import queue
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

import grpc
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse

from bench.cluster.world import has_tls
from tests.support.ads import MESSAGES

Seen = list[tuple[float, str, bytes]]  # time.monotonic(), type, the response as it came


def type_url(name: str) -> str:
    """That of a type by its short name (`clusters`)."""
    return "type.googleapis.com/" + str(MESSAGES[name].DESCRIPTOR.full_name)


class Listener:
    """Subscribes to all that an Envoy of these hosts would, and acknowledges. `take` gives what has come
    since.
    """

    def __init__(self, target: str, hosts: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._ours, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_listen, args=(target, hosts, theirs), daemon=True)
        self._process.start()

    def take(self) -> Seen:
        """Responses since the last call."""
        self._ours.send(None)
        found: Seen = self._ours.recv()
        return found

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.join()


def _listen(target: str, hosts: int, pipe: Connection) -> None:
    seen: Seen = []
    requests: queue.SimpleQueue[DeltaDiscoveryRequest] = queue.SimpleQueue()
    for request in _subscriptions(hosts):
        requests.put(request)

    def read() -> None:
        with grpc.insecure_channel(target) as channel:
            stub = channel.stream_stream(
                "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
                request_serializer=DeltaDiscoveryRequest.SerializeToString,
                response_deserializer=lambda body: body,
            )
            for body in stub(_outgoing(requests), wait_for_ready=True):
                now = time.monotonic()
                response = DeltaDiscoveryResponse.FromString(body)
                requests.put(DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce))
                seen.append((now, response.type_url, body))

    threading.Thread(target=read, daemon=True).start()
    while True:
        pipe.recv()
        given = seen[:]
        del seen[: len(given)]
        pipe.send(given)


def _outgoing(requests: "queue.SimpleQueue[DeltaDiscoveryRequest]") -> Iterator[DeltaDiscoveryRequest]:
    while True:
        yield requests.get()


def _subscriptions(hosts: int) -> Iterator[DeltaDiscoveryRequest]:
    first = DeltaDiscoveryRequest(type_url=type_url("clusters"))
    first.node.id, first.node.cluster, first.node.user_agent_name = "bench", "isoline", "envoy"
    first.node.user_agent_build_version.version.major_number = 1
    first.node.user_agent_build_version.version.minor_number = 40
    yield first
    yield DeltaDiscoveryRequest(type_url=type_url("listeners"))
    names = {
        "endpoints": [f"default/s-{number}/http" for number in range(hosts)],
        "routes": ["ingress_http", "ingress_https"],
        "secrets": [f"default/t-{number}" for number in range(hosts) if has_tls(number)],
    }
    for name, wanted in names.items():
        yield DeltaDiscoveryRequest(type_url=type_url(name), resource_names_subscribe=wanted)
    yield DeltaDiscoveryRequest(type_url=type_url("hosts"))
