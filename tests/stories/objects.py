"""Kubernetes objects, with only what matters named: everything is in namespace `default`, unless it says
so.
"""

from typing import Any

Object = dict[str, Any]


def backend(to: str) -> Object:
    """`kuard:80` or `kuard:http`."""
    name, _, port = to.partition(":")
    return {"service": {"name": name, "port": {"number": int(port)} if port.isdigit() else {"name": port}}}


def path(text: str, to: str, kind: str = "Prefix") -> Object:
    """One entry of `http.paths`."""
    return {"path": text, "pathType": kind, "backend": backend(to)}


def rule(host: object, *paths: Object) -> Object:
    """One entry of `rules`; no paths = no `http`."""
    rule_: Object = {"host": host} if host else {}
    return rule_ | ({"http": {"paths": list(paths)}} if paths else {})


def tls(*hosts: str, secret: str = "") -> Object:
    """One entry of `tls`; no hosts = those of the rules, no Secret = the default certificate."""
    return ({"hosts": list(hosts)} if hosts else {}) | ({"secretName": secret} if secret else {})


def delegation(secret: str, *to: str, namespace: str, name: str = "lend") -> Object:
    """A TLSCertificateDelegation of a Secret to namespaces."""
    metadata = {"name": name, "namespace": namespace}
    spec = {"delegations": [{"secretName": secret, "targetNamespaces": list(to)}]}
    return {
        "apiVersion": "projectcontour.io/v1",
        "kind": "TLSCertificateDelegation",
        "metadata": metadata,
        "spec": spec,
    }


def ingress(
    name: str,
    *rules: Object,
    to: str = "",
    host: str = "shop.example.com",
    default: str = "",
    namespace: str = "default",
    created: str = "",
    annotations: dict[str, str] | None = None,
    **spec: object,
) -> Object:
    """`to` alone is one rule: host `shop.example.com`, path `/`. `default` is the default backend."""
    metadata: Object = {"name": name, "namespace": namespace}
    metadata |= {"creationTimestamp": created} if created else {}
    metadata |= {"annotations": annotations} if annotations else {}
    if to:
        rules = (rule(host, path("/", to)), *rules)
    spec |= {"rules": list(rules)} if rules else {}
    spec |= {"defaultBackend": backend(default)} if default else {}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def service(
    name: str, *ports: tuple[int, str] | int | Object, namespace: str = "default", **spec: object
) -> Object:
    """Ports are `(80, "http")`, `80` for one without name, or the API's own form."""
    metadata = {"name": name, "namespace": namespace}
    spec |= {"ports": [_service_port(port) for port in ports]} if ports else {}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def slice_(
    of: str,
    port: tuple[int, str] | int,
    *endpoints: str | Object,
    name: str = "",
    family: str = "IPv4",
    namespace: str = "default",
    ports: list[Object] | None = None,
) -> Object:
    """An EndpointSlice of the Service `of`: addresses that are ready, or endpoints in the API's own form."""
    metadata = {
        "name": name or f"{of}-1",
        "namespace": namespace,
        "labels": {"kubernetes.io/service-name": of},
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": family,
        "ports": [_service_port(port)] if ports is None else ports,
        "endpoints": [endpoint(item) if isinstance(item, str) else item for item in endpoints],
    }


def endpoint(address: str, *, zone: str = "", **conditions: bool) -> Object:
    """One endpoint of a slice."""
    item: Object = {"addresses": [address]} | ({"zone": zone} if zone else {})
    return item | ({"conditions": conditions} if conditions else {})


def reference(item: Object) -> str:
    """The key of an object in the table `objects`."""
    return f"{item['kind']}/{item['metadata'].get('namespace', '')}/{item['metadata']['name']}"


def _service_port(port: tuple[int, str] | int | Object) -> Object:
    if isinstance(port, dict):
        return port
    number, name = port if isinstance(port, tuple) else (port, "")
    return {"port": number, "protocol": "TCP"} | ({"name": name} if name else {})
