"""A Delta ADS client in a process of its own: it asks and acknowledges as an Envoy does, and notes when the
bytes of each response came, before it looks into them.
"""

import gc
import multiprocessing
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Self

import grpc
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse

from bench.cluster.host import mark_of
from tests.support.ads import MESSAGES, route_names, secret_names

_METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
_PREFIX = "type.googleapis.com/"
_URLS = {name: _PREFIX + str(message.DESCRIPTOR.full_name) for name, message in MESSAGES.items()}
_NAMES = {url: name for name, url in _URLS.items()}
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    # It waits for a server that starts.
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.min_reconnect_backoff_ms", 20),
    ("grpc.max_reconnect_backoff_ms", 20),
]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One response: when its bytes came in time.monotonic(), how many, and the mark of each resource."""

    at: float
    type: str
    bytes: int
    marks: Mapping[str, int]


class Envoy:
    """The client; `arrivals` grow. What it follows is settled by its first listeners and clusters."""

    def __init__(self, target: str) -> None:
        self.arrivals: list[Arrival] = []
        context = multiprocessing.get_context("spawn")  # gRPC survives no fork
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(target, theirs), daemon=True)

    def __enter__(self) -> Self:
        """Returns when it asks for a connection."""
        self._process.start()
        self.look()
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.join()

    def look(self) -> None:
        """Takes what has arrived since it was last called; the client does not do it by itself, so that
        nothing disturbs a measurement.
        """
        self._ours.send(len(self.arrivals))
        self.arrivals += self._ours.recv()


def _run(target: str, pipe: Connection) -> None:
    client = _Client(target)
    threading.Thread(target=client.read, daemon=True).start()
    while True:
        pipe.send(client.arrivals[pipe.recv() :])


class _Client:
    def __init__(self, target: str) -> None:
        self.arrivals: list[Arrival] = []
        self._channel = grpc.insecure_channel(target, options=_OPTIONS)
        self._followed: set[str] = set()
        self._requests: queue.SimpleQueue[DeltaDiscoveryRequest] = queue.SimpleQueue()
        first = DeltaDiscoveryRequest(type_url=_URLS["clusters"])
        first.node.id, first.node.cluster, first.node.user_agent_name = "bench", "isoline", "envoy"
        first.node.user_agent_build_version.version.major_number = 1
        first.node.user_agent_build_version.version.minor_number = 40
        self._requests.put(first)
        self._ask("listeners")

    def read(self) -> None:
        """Until the process ends."""
        call = self._channel.stream_stream(
            _METHOD, request_serializer=DeltaDiscoveryRequest.SerializeToString, response_deserializer=None
        )
        gc.disable()
        for data in call(self._outgoing(), wait_for_ready=True):
            at = time.monotonic()
            response = DeltaDiscoveryResponse.FromString(data)
            type_ = _NAMES[response.type_url]
            self._requests.put(
                DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce)
            )
            if type_ not in self._followed:
                self._followed.add(type_)
                self._follow(type_, response)
            marks = {
                f"{type_}/{each.name}": mark_of(type_, each.resource.value) for each in response.resources
            }
            self.arrivals.append(Arrival(at, type_, len(data), marks))

    def _outgoing(self) -> Iterator[DeltaDiscoveryRequest]:
        while True:
            yield self._requests.get()

    def _ask(self, type_: str, *names: str) -> None:
        self._requests.put(
            DeltaDiscoveryRequest(type_url=_URLS[type_], resource_names_subscribe=sorted(names))
        )

    def _follow(self, type_: str, response: DeltaDiscoveryResponse) -> None:
        bodies = [each.resource.value for each in response.resources]
        if type_ == "clusters":
            clusters = [Cluster.FromString(body) for body in bodies]
            self._ask("endpoints", *(each.eds_cluster_config.service_name or each.name for each in clusters))
        elif type_ == "listeners":
            listeners = [Listener.FromString(body) for body in bodies]
            self._ask("routes", *{name for each in listeners for name in route_names(each)})
            self._ask("secrets", *{name for each in listeners for name in secret_names(each)})
        elif type_ == "routes":
            self._ask("hosts")
