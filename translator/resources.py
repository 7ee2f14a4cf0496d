"""The resources that are published: for each type the derived value that makes one from its name."""

from collections.abc import Callable, Mapping

from runtime.link.row import Row
from translator import names, slices
from translator.derive import View
from translator.envoy import cluster as cluster_side
from translator.envoy import endpoint, listener
from translator.envoy import route as route_side
from translator.model import Forward, VirtualHost
from translator.ports import TCP, service
from translator.settings import Settings
from translator.slices import Group, slice_
from translator.virtual_host import served, virtual_host

NO_ROUTES = VirtualHost(names.ANY_HOST, ())
ALWAYS = (
    names.key(names.LISTENERS, names.INGRESS_HTTP),
    names.key(names.LISTENERS, names.INGRESS_HTTPS),
    names.key(names.ROUTES, names.INGRESS_HTTP),
    names.key(names.ROUTES, names.INGRESS_HTTPS),
)


def listener_resource(view: View, name: str) -> Row:
    """A listener; its route configuration must be in the table before it."""
    make = {names.INGRESS_HTTP: listener.ingress_http, names.INGRESS_HTTPS: listener.ingress_https}[name]
    return Row.of(make(view.settings), needs=(names.key(names.ROUTES, name),))


def route_resource(_view: View, name: str) -> Row:
    """A route configuration, without hosts."""
    return Row.of(route_side.route_configuration(name))


def host_resource(view: View, name: str) -> Row | None:
    """A virtual host; its clusters must be held before it. None when no route is left."""
    host = view(virtual_host, names.host_of(name))
    if not host.routes:
        return None
    rest = view(virtual_host, names.ANY_HOST) if host.host.startswith("*.") else NO_ROUTES
    needs = tuple(names.key(names.CLUSTERS, cluster) for cluster in route_side.clusters(host, rest))
    return Row.of(route_side.virtual_host(name, host, rest), needs)


def cluster_resource(view: View, name: str) -> Row | None:
    """A cluster, which needs its load assignment; None when its Service has no such TCP port any more."""
    owner, written = names.service_of(name)
    found = view(service, owner)
    port = found.port(written) if found is not None else None
    cluster = found.cluster(owner, port) if found is not None and port is not None else None
    if cluster is None:
        return None
    assignment = cluster.endpoints
    needs = (names.key(names.ENDPOINTS, assignment),) if isinstance(assignment, str) else ()
    return Row.of(cluster_side.cluster(name, cluster), needs)


def load_assignment_resource(view: View, name: str) -> Row:
    """A load assignment: ready endpoints of all slices; where there is none, those that serve while they
    terminate.

    An address that stands in two slices counts once, in the first by name.
    """
    owner, port_name = names.service_of(name)
    refs = view.index(slices.INDEX, owner)
    groups = [(ref, at, group) for ref in refs for at, group in enumerate(view(slice_, ref).groups)]
    mine = [found for found in groups if found[2].port_name == port_name]
    used = [found for found in mine if not found[2].draining] or mine
    total = sum(len(group.addresses) for _, _, group in used)
    single = len({(a, group.port) for _, _, group in used for a in group.addresses}) == total
    zones: dict[str, list[bytes]] = {}
    seen: set[tuple[str, int]] = set()
    for ref, at, group in used:
        zones.setdefault(group.zone, []).append(
            view(encoded, ref)[at] if single else b"".join(_unseen(group, seen))
        )
    joined = [(zone, b"".join(pieces)) for zone, pieces in sorted(zones.items())]
    return Row.of(endpoint.load_assignment(name, [(zone, pieces) for zone, pieces in joined if pieces]))


def encoded(view: View, ref: str) -> tuple[bytes, ...]:
    """The endpoints of each group of an EndpointSlice, encoded once for every load assignment."""
    return tuple(
        b"".join(endpoint.lb_endpoint(address, group.port) for address in group.addresses)
        for group in view(slice_, ref).groups
    )


def _unseen(group: Group, seen: set[tuple[str, int]]) -> list[bytes]:
    fresh = [address for address in group.addresses if (address, group.port) not in seen]
    seen.update((address, group.port) for address in fresh)
    return [endpoint.lb_endpoint(address, group.port) for address in fresh]


# What an object causes to be published


def of_ingress(view: View, ref: str) -> tuple[str, ...]:
    """The resources that an Ingress causes: its hosts, and the clusters that its routes lead to."""
    found: dict[str, None] = {}
    for host, route in view(served, ref):
        found[names.key(names.HOSTS, names.virtual_host(names.INGRESS_HTTP, host))] = None
        if isinstance(route.action, Forward) and view.settings.clusters == "referenced":
            found[names.key(names.CLUSTERS, route.action.backend.cluster)] = None
            if route.action.backend.assignment:
                found[names.key(names.ENDPOINTS, route.action.backend.assignment)] = None
    return tuple(found)


def of_service(view: View, ref: str) -> tuple[str, ...]:
    """With `--clusters all`: a cluster for each TCP port of a Service, by number and by name."""
    _, namespace, name = ref.split("/")
    owner = f"{namespace}/{name}"
    found = view(service, owner)
    if found is None:
        return ()
    keys: dict[str, None] = {}
    for written in [str(port.number) for port in found.ports] + [port.name for port in found.ports]:
        port = found.port(written) if written else None
        cluster = found.cluster(owner, port) if port is not None and port.protocol == TCP else None
        if cluster is not None:
            keys[names.key(names.CLUSTERS, names.cluster(namespace, name, written))] = None
            if isinstance(cluster.endpoints, str):
                keys[names.key(names.ENDPOINTS, cluster.endpoints)] = None
    return tuple(keys)


Make = Callable[[View, str], Row | None]
MAKERS: dict[str, Make] = {
    names.LISTENERS: listener_resource,
    names.ROUTES: route_resource,
    names.HOSTS: host_resource,
    names.CLUSTERS: cluster_resource,
    names.ENDPOINTS: load_assignment_resource,
}


def causes(settings: Settings) -> Mapping[str, Callable[[View, str], tuple[str, ...]]]:
    """By kind: the derived value that gives the resources that an object of that kind causes."""
    return {"Ingress": of_ingress} | ({"Service": of_service} if settings.clusters == "all" else {})
