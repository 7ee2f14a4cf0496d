"""The resources that are published: for each type the derived value that makes one from its name."""

from collections.abc import Callable, Mapping

from runtime.link.row import Row
from translator import names, secret, slices
from translator.derive import View
from translator.envoy import cluster as cluster_side
from translator.envoy import endpoint, listener
from translator.envoy import route as route_side
from translator.envoy import tls as tls_side
from translator.model import Forward, Tls
from translator.ports import TCP, service
from translator.settings import Settings
from translator.slices import Group, slice_
from translator.tls import NO_ROUTES, has_routes, http_host, https_host, of_host, secured, secured_hosts
from translator.virtual_host import served

ALWAYS = (
    names.key(names.LISTENERS, names.INGRESS_HTTP),
    names.key(names.LISTENERS, names.INGRESS_HTTPS),
    names.key(names.ROUTES, names.INGRESS_HTTP),
    names.key(names.ROUTES, names.INGRESS_HTTPS),
)


def listener_resource(view: View, name: str) -> Row:
    """A listener; its route configuration and its Secrets must be in the table before it."""
    routes = names.key(names.ROUTES, name)
    if name == names.INGRESS_HTTP:
        return Row.of(listener.ingress_http(view.settings), needs=(routes,))
    hosts = secured_hosts(view)
    default = of_host(view, names.ANY_HOST)
    found = dict.fromkeys(hosts.values()) | ({} if default is None else {default: None})
    chains = {tls: view(filter_chain, tls.key) for tls in found}
    body = listener.ingress_https(
        view.settings,
        {host: chains[tls][0] for host, tls in hosts.items()},
        [body for _, body in sorted(chains.values())],
        None if default is None else chains[default][0],
    )
    # One that is held back has no row: who has it has had it before this listener.
    secrets = sorted({name for tls in found for name in tls.secrets if secret.key_type(view, name)})
    return Row.of(body, needs=(routes, *(names.key(names.SECRETS, name) for name in secrets)))


def filter_chain(view: View, key: str) -> tuple[str, bytes]:
    """The name of a filter chain, and itself; it is one for all hosts with these settings."""
    name = names.filter_chain(key)
    return name, tls_side.filter_chain(view.settings, name, Tls.of(key))


def secret_resource(view: View, name: str) -> Row | None:
    """A Secret; None while there has been no good version of it."""
    found = view.fact(secret.CERTIFICATE, secret.reference(name))
    return None if found is None else Row.of(tls_side.secret(name, found))


def route_resource(_view: View, name: str) -> Row:
    """A route configuration, without hosts."""
    return Row.of(route_side.route_configuration(name))


def host_resource(view: View, name: str) -> Row | None:
    """A virtual host; its clusters must be held before it. None when no route is left.

    One whose routes are all for HTTPS answers 404 over HTTP: else a wildcard or a rule without host would
    answer, another's perhaps.
    """
    route_configuration, written = names.host_of(name)
    side = http_host if route_configuration == names.INGRESS_HTTP else https_host
    host = view(side, written)
    if not host.routes and not (side is http_host and view(has_routes, written)):
        return None
    rest = view(side, names.ANY_HOST) if host.host.startswith("*.") else NO_ROUTES
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
    """The resources that an Ingress causes: its hosts, the clusters that its routes lead to, and the Secrets
    that it brings.
    """
    found: dict[str, None] = {}
    for host, route in view(served, ref):
        found[names.key(names.HOSTS, names.virtual_host(names.INGRESS_HTTP, host))] = None
        if of_host(view, host) is not None:
            found[names.key(names.HOSTS, names.virtual_host(names.INGRESS_HTTPS, host))] = None
        if isinstance(route.action, Forward) and view.settings.clusters == "referenced":
            found[names.key(names.CLUSTERS, route.action.backend.cluster)] = None
            if route.action.backend.assignment:
                found[names.key(names.ENDPOINTS, route.action.backend.assignment)] = None
    for _, tls in view(secured, ref):
        found.update((names.key(names.SECRETS, name), None) for name in tls.secrets)
    return tuple(found)


def of_default(view: View, _key: str) -> tuple[str, ...]:
    """The Secret of the default certificate, if there is one."""
    tls = of_host(view, names.ANY_HOST)
    return () if tls is None else tuple(names.key(names.SECRETS, name) for name in tls.secrets)


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
    names.SECRETS: secret_resource,
}


def causes(settings: Settings) -> Mapping[str, Callable[[View, str], tuple[str, ...]]]:
    """By kind: the derived value that gives the resources that an object of that kind causes."""
    return {"Ingress": of_ingress} | ({"Service": of_service} if settings.clusters == "all" else {})
