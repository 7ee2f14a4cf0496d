"""Many small worlds in one real Envoy, each at its own port, that says which cluster a request went to."""

import contextlib
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection

from envoy.config.bootstrap.v3 import bootstrap_pb2
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import DownstreamTlsContext

Manager = http_connection_manager_pb2.HttpConnectionManager
CLUSTER, PATH = "x-cluster", "x-path"


@dataclass(frozen=True)
class Asked:
    """A request, as it stands in a URL and on the wire."""

    host: str
    path: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    sni: str | None = None

    @property
    def url(self) -> str:
        """The server name of the handshake is that of the URL."""
        return f"http://{self.host}{self.path}" if self.sni is None else f"https://{self.sni}{self.path}"


@dataclass(frozen=True)
class Held:
    """What an Envoy holds, by `<type>/<name>`."""

    resources: Mapping[str, bytes]

    @property
    def carries_secrets(self) -> bool:
        """As over a unix socket."""
        return True

    def get(self, type_: str, names: Sequence[str]) -> Mapping[str, bytes]:
        """Those of a type that there are, by name."""
        keys = {name: f"{type_}/{name}" for name in names}
        return {name: self.resources[key] for name, key in keys.items() if key in self.resources}


def start_file(worlds: Mapping[int, Mapping[str, bytes]], backend: str) -> bytes:
    """By port the resources of a world. Every endpoint is one backend, which this Envoy is itself, at
    that unix socket.
    """
    start = bootstrap_pb2.Bootstrap()
    start.node.id, start.node.cluster = "agreement", "isoline"
    start.layered_runtime.layers.add(name="isoline").static_layer.update(
        {"re2.max_program_size.error_level": 4294967295}
    )
    for port, resources in worlds.items():
        for name in ("ingress_http", "ingress_https"):
            _add_listener(start, port, resources, name)
        for key, body in resources.items():
            if key.startswith("clusters/"):
                _add_cluster(start, port, body, resources, backend)
            elif key.startswith("secrets/"):
                start.static_resources.secrets.add().ParseFromString(body)
    answers = start.static_resources.listeners.add(name="backend")
    answers.address.pipe.path = backend
    routes = route_pb2.RouteConfiguration(name="backend")
    route = routes.virtual_hosts.add(name="backend", domains=["*"]).routes.add()
    route.match.prefix, route.direct_response.status = "/", 200
    manager = Manager(stat_prefix="backend", route_config=routes)
    manager.http_filters.add(name="router").typed_config.Pack(router_pb2.Router())
    answers.filter_chains.add().filters.add(name="http").typed_config.Pack(manager)
    return start.SerializeToString()


def _add_listener(
    start: bootstrap_pb2.Bootstrap, port: int, resources: Mapping[str, bytes], name: str
) -> None:
    """As it is, but that nothing comes by xDS."""
    listener = start.static_resources.listeners.add()
    listener.ParseFromString(resources[f"listeners/{name}"])
    listener.name = f"{name}-{port}"
    for chain in (*listener.filter_chains, listener.default_filter_chain):
        socket = chain.transport_socket.typed_config
        if socket.Is(DownstreamTlsContext.DESCRIPTOR):
            tls = DownstreamTlsContext.FromString(socket.value)
            for each in tls.common_tls_context.tls_certificate_sds_secret_configs:
                each.ClearField("sds_config")
            socket.Pack(tls)
        for packed in (each.typed_config for each in chain.filters):
            if packed.Is(Manager.DESCRIPTOR):
                manager = Manager.FromString(packed.value)
                del manager.access_log[:]
                manager.route_config.CopyFrom(_routes(port, resources, name))
                packed.Pack(manager)


def _routes(port: int, resources: Mapping[str, bytes], name: str) -> route_pb2.RouteConfiguration:
    """With its hosts, and with two headers more in each answer."""
    routes = route_pb2.RouteConfiguration.FromString(resources[f"routes/{name}"])
    for key, body in resources.items():
        if key.startswith(f"hosts/{name}/"):
            host = route_components_pb2.VirtualHost.FromString(body)
            for route in host.routes:
                if route.HasField("route"):
                    route.route.cluster = f"{port}/{route.route.cluster}"
            routes.virtual_hosts.append(host)
    routes.validate_clusters.value = False
    for header, value in ((CLUSTER, "%UPSTREAM_CLUSTER_RAW%"), (PATH, "%REQ(:PATH)%")):
        told = routes.response_headers_to_add.add()
        told.header.key, told.header.value = header, value
    return routes


def _add_cluster(
    start: bootstrap_pb2.Bootstrap, port: int, body: bytes, resources: Mapping[str, bytes], backend: str
) -> None:
    meant = cluster_pb2.Cluster.FromString(body)
    found = start.static_resources.clusters.add(name=f"{port}/{meant.name}", type=cluster_pb2.Cluster.STATIC)
    assignment = endpoint_pb2.ClusterLoadAssignment.FromString(
        resources[f"endpoints/{meant.eds_cluster_config.service_name}"]
    )
    assignment.cluster_name = found.name
    for locality in assignment.endpoints:
        for each in locality.lb_endpoints:
            each.endpoint.address.pipe.path = backend
    found.load_assignment.CopyFrom(assignment)


@dataclass(frozen=True)
class Used:
    """What a real Envoy did: the cluster that it sent the request to, and as which path; else what it
    answered.
    """

    what: str
    location: str
    path: str


REFUSED = Used("refused", "", "")


def used(port: int, asked: Asked) -> Used:
    """Asks it; with an `sni` over TLS, whose handshake may be refused."""
    try:
        connection = _connection(port, asked)
        connection.connect()
    except (ConnectionError, ssl.SSLError):
        return REFUSED
    with contextlib.closing(connection):
        connection.putrequest(asked.method, asked.path, skip_host=True)
        connection.putheader("Host", asked.host)
        for name, value in asked.headers:
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        response.read()
    cluster = response.getheader(CLUSTER, "").partition("/")[2]
    forwarded = response.status == 200
    path = response.getheader(PATH, "") if forwarded else ""
    what = cluster if forwarded else str(response.status)
    return Used(what, response.getheader("location", ""), path)


def _connection(port: int, asked: Asked) -> HTTPConnection:
    if asked.sni is None:
        return HTTPConnection("127.0.0.1", port, timeout=30.0)
    return _Tls(port, asked.sni)


class _Tls(HTTPConnection):
    """Believes every certificate; its server name need not be the Host."""

    def __init__(self, port: int, sni: str) -> None:
        super().__init__("127.0.0.1", port, timeout=30.0)
        self._sni = sni

    def connect(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        opened = socket.create_connection((self.host, self.port), timeout=30.0)
        try:
            self.sock = context.wrap_socket(opened, server_hostname=self._sni or None)
        except BaseException:
            opened.close()
            raise
