"""The names of Envoy resources: made here and nowhere else, and stable for ever.

A resource's key is `<type>/<name>`; the name is what Envoy sees.
"""

import hashlib

LISTENERS = "listeners"
ROUTES = "routes"
HOSTS = "hosts"
CLUSTERS = "clusters"
ENDPOINTS = "endpoints"
SECRETS = "secrets"

INGRESS_HTTP = "ingress_http"
INGRESS_HTTPS = "ingress_https"

ANY_HOST = "*"


def key(type_: str, name: str) -> str:
    """The key of a resource in the table `resources`."""
    return f"{type_}/{name}"


def split(resource: str) -> tuple[str, str]:
    """The type and the name of a resource's key."""
    type_, _, name = resource.partition("/")
    return type_, name


def virtual_host(route_configuration: str, host: str) -> str:
    """VHDS finds the route configuration in what stands before the last slash (Envoy, vhds.cc)."""
    return f"{route_configuration}/{host}"


def host_of(virtual_host_name: str) -> tuple[str, str]:
    """The route configuration and the host of a virtual host's name."""
    route_configuration, _, host = virtual_host_name.rpartition("/")
    return route_configuration, host


def secret(namespace: str, name: str) -> str:
    """One for each Secret, so that a renewal touches nothing else."""
    return f"{namespace}/{name}"


def filter_chain(settings: str) -> str:
    """A filter chain of the HTTPS listener: 24 hex digits over all that it is made of.

    Envoy refuses a listener with two chains of one name, and names of Secrets that meet in 8 digits are found
    in a second: whoever may create two would end everybody's news of HTTPS.
    """
    return hashlib.blake2s(settings.encode(), digest_size=12).hexdigest()


def cluster(namespace: str, service: str, port: str) -> str:
    """`port` is written as the route names it: a number or a name."""
    return f"{namespace}/{service}/{port}"


def load_assignment(namespace: str, service: str, port_name: str) -> str:
    """`port_name` is the name of the Service's port, empty when it has none."""
    return f"{namespace}/{service}/{port_name}" if port_name else f"{namespace}/{service}"


def service_of(name: str) -> tuple[str, str]:
    """(`namespace/service`, the rest) of the name of a cluster or of a load assignment."""
    namespace, service, *rest = name.split("/", 2)
    return f"{namespace}/{service}", rest[0] if rest else ""


def route(kind: str, namespace: str, name: str) -> str:
    """What a route is called in Envoy's logs: the object that asked for it."""
    return f"{kind}/{namespace}/{name}"


def shard(resource: str, shards: int) -> int:
    """The shard that owns a resource, or the status of an object: BLAKE2s of its owner's name, mod `shards`.

    A cluster and its load assignment are one owner's, their Service's, since they are published in one batch.
    """
    if shards == 1:
        return 0
    type_, name = split(resource)
    owner = service_of(name)[0] if type_ in {CLUSTERS, ENDPOINTS} else name
    return int.from_bytes(hashlib.blake2s(owner.encode()).digest()[:8], "big") % shards
