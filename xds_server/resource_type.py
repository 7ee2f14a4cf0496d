"""The types of resources that are served, in the order in which they are sent."""

from dataclasses import dataclass

_PREFIX = "type.googleapis.com/"


@dataclass(frozen=True, slots=True, eq=False)
class ResourceType:
    """`key` begins a resource's key in the table; `service` is the per-type gRPC service.

    `whole`: a State-of-the-World response lists the complete set, and what it leaves out is deleted (S4).
    `outlives`: what is gone stays with a peer until its routes have moved on, and longer by a grace.
    """

    key: str
    url: str
    service: str
    delta_method: str
    sotw_method: str | None
    whole: bool = False
    outlives: bool = False


def _type(
    key: str,
    message: str,
    service: str,
    method: str,
    *,
    sotw: bool = True,
    whole: bool = False,
    outlives: bool = False,
) -> ResourceType:
    streamed = f"Stream{method}" if sotw else None
    return ResourceType(key, _PREFIX + message, service, f"Delta{method}", streamed, whole, outlives)


CLUSTERS = _type(
    "clusters",
    "envoy.config.cluster.v3.Cluster",
    "envoy.service.cluster.v3.ClusterDiscoveryService",
    "Clusters",
    whole=True,
    outlives=True,
)
ENDPOINTS = _type(
    "endpoints",
    "envoy.config.endpoint.v3.ClusterLoadAssignment",
    "envoy.service.endpoint.v3.EndpointDiscoveryService",
    "Endpoints",
    outlives=True,
)
LISTENERS = _type(
    "listeners",
    "envoy.config.listener.v3.Listener",
    "envoy.service.listener.v3.ListenerDiscoveryService",
    "Listeners",
    whole=True,
)
ROUTES = _type(
    "routes",
    "envoy.config.route.v3.RouteConfiguration",
    "envoy.service.route.v3.RouteDiscoveryService",
    "Routes",
)
HOSTS = _type(
    "hosts",
    "envoy.config.route.v3.VirtualHost",
    "envoy.service.route.v3.VirtualHostDiscoveryService",
    "VirtualHosts",
    sotw=False,
)
SECRETS = _type(
    "secrets",
    "envoy.extensions.transport_sockets.tls.v3.Secret",
    "envoy.service.secret.v3.SecretDiscoveryService",
    "Secrets",
)

# Make before break (O1): what is pointed at comes first. Removals go the other way, last.
ORDER = (CLUSTERS, ENDPOINTS, LISTENERS, ROUTES, HOSTS, SECRETS)
BY_URL = {type_.url: type_ for type_ in ORDER}
BY_KEY = {type_.key: type_ for type_ in ORDER}

AGGREGATED = "envoy.service.discovery.v3.AggregatedDiscoveryService"


def split(key: str) -> tuple[str, str]:
    """The type and the name in a key of the table, `hosts/ingress_http/shop.example.com`."""
    type_, _, name = key.partition("/")
    return type_, name
