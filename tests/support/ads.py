"""A Delta ADS client that asks as an Envoy does and holds what an Envoy would, decoded by xds-protos."""

import queue
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Self, TypeVar

import grpc
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import DownstreamTlsContext
from envoy.service.discovery.v3.ads_pb2_grpc import AggregatedDiscoveryServiceStub
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

T = TypeVar("T", bound=Message)

MESSAGES: Mapping[str, type[Any]] = {
    "clusters": Cluster,
    "endpoints": ClusterLoadAssignment,
    "listeners": Listener,
    "routes": RouteConfiguration,
    "hosts": VirtualHost,
    "secrets": Secret,
}
_PREFIX = "type.googleapis.com/"
_NAMES = {_PREFIX + message.DESCRIPTOR.full_name: name for name, message in MESSAGES.items()}


class AdsClient:
    """Connects to `target` (`unix:PATH` or `host:port`) and acknowledges all it is sent.

    `held[type]` maps names to messages, `bodies` has them as `<type>/<name>` → bytes as they came;
    `responses` are kept in order of arrival.
    """

    def __init__(self, target: str, *, node: str = "client-1", fleet: str = "isoline") -> None:
        self.held: dict[str, dict[str, Any]] = {name: {} for name in MESSAGES}
        self.bodies: dict[str, bytes] = {}
        self.responses: list[DeltaDiscoveryResponse] = []
        self.error: grpc.RpcError | None = None
        self._wanted: dict[str, set[str]] = {"endpoints": set(), "routes": set(), "secrets": set()}
        self._has_vhds = False
        self._requests: queue.SimpleQueue[DeltaDiscoveryRequest | None] = queue.SimpleQueue()
        self._channel = grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])
        first = DeltaDiscoveryRequest(type_url=_type_url("clusters"))
        first.node.id, first.node.cluster, first.node.user_agent_name = node, fleet, "envoy"
        first.node.user_agent_build_version.version.major_number = 1
        first.node.user_agent_build_version.version.minor_number = 40
        self._requests.put(first)
        self._requests.put(DeltaDiscoveryRequest(type_url=_type_url("listeners")))
        self._thread = threading.Thread(target=self._read, name=f"ads {node}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._requests.put(None)
        self._channel.close()
        self._thread.join(15.0)

    def _read(self) -> None:
        stub = AggregatedDiscoveryServiceStub(self._channel)
        try:
            for response in stub.DeltaAggregatedResources(self._outgoing(), wait_for_ready=True):
                self._take(response)
        except (grpc.RpcError, ValueError) as error:  # ValueError: the channel is closed
            self.error = error if isinstance(error, grpc.RpcError) else None

    def _outgoing(self) -> Iterator[DeltaDiscoveryRequest]:
        while (request := self._requests.get()) is not None:
            yield request

    def _take(self, response: DeltaDiscoveryResponse) -> None:
        name = _NAMES[response.type_url]
        held, bodies = dict(self.held[name]), dict(self.bodies)
        for resource in response.resources:
            held[resource.name] = MESSAGES[name].FromString(resource.resource.value)
            bodies[f"{name}/{resource.name}"] = resource.resource.value
        for removed in response.removed_resources:
            held.pop(removed, None)
            bodies.pop(f"{name}/{removed}", None)
        self.held[name], self.bodies = held, bodies  # as a whole: another thread looks on
        self.responses.append(response)
        self._requests.put(DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce))
        self._follow(name)

    def _follow(self, changed: str) -> None:
        """Asks for what the resources now held name, and for no more."""
        if changed == "clusters":
            clusters = [
                item for item in self.held["clusters"].values() if item.HasField("eds_cluster_config")
            ]
            self._want("endpoints", {item.eds_cluster_config.service_name or item.name for item in clusters})
        elif changed == "listeners":
            self._want("routes", {n for item in self.held["listeners"].values() for n in route_names(item)})
            self._want("secrets", {n for item in self.held["listeners"].values() for n in secret_names(item)})
        elif changed == "routes" and not self._has_vhds:
            self._has_vhds = any(item.HasField("vhds") for item in self.held["routes"].values())
            if self._has_vhds:
                self._requests.put(DeltaDiscoveryRequest(type_url=_type_url("hosts")))

    def _want(self, name: str, wanted: set[str]) -> None:
        added, gone = wanted - self._wanted[name], self._wanted[name] - wanted
        self._wanted[name] = wanted
        self.held[name] = {key: item for key, item in self.held[name].items() if key not in gone}
        dropped = {f"{name}/{key}" for key in gone}
        self.bodies = {key: body for key, body in self.bodies.items() if key not in dropped}
        if added or gone:
            request = DeltaDiscoveryRequest(type_url=_type_url(name))
            request.resource_names_subscribe.extend(sorted(added))
            request.resource_names_unsubscribe.extend(sorted(gone))
            self._requests.put(request)


def _type_url(name: str) -> str:
    return _PREFIX + str(MESSAGES[name].DESCRIPTOR.full_name)


def route_names(listener: Listener) -> set[str]:
    """The route configurations that a listener takes by RDS."""
    packed = [item.typed_config for chain in _chains(listener) for item in chain.filters]
    managers = [_unpack(item, HttpConnectionManager) for item in packed]
    return {manager.rds.route_config_name for manager in managers if manager and manager.HasField("rds")}


def secret_names(listener: Listener) -> set[str]:
    """The Secrets that a listener takes by SDS."""
    contexts = [
        _unpack(item.transport_socket.typed_config, DownstreamTlsContext) for item in _chains(listener)
    ]
    return {
        config.name
        for context in contexts
        if context
        for config in context.common_tls_context.tls_certificate_sds_secret_configs
    }


def _chains(listener: Listener) -> list[FilterChain]:
    return [*listener.filter_chains, listener.default_filter_chain]


def _unpack(packed: AnyMessage, message: type[T]) -> T | None:
    unpacked = message()
    return unpacked if packed.Unpack(unpacked) else None
