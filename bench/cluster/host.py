"""One host: its objects, and what is patched in each so that a mark reaches Envoy.

A mark is a number that only grows. What Envoy is sent for the object shows it (`mark_of`), in bytes that are
read without knowing the rest.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cryptography import x509
from envoy.config.cluster.v3.cluster_pb2 import Cluster

from tests.support.certificate import pair, secret

Object = dict[str, Any]

NAMESPACE: Final = "default"
TLS_EVERY: Final = 10
FIRST_MARK: Final = 1
KINDS: Final = ("Ingress", "EndpointSlice", "Service", "Secret")
_ROOTS: Final[Mapping[str, str]] = {
    "Ingress": f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/ingresses",
    "EndpointSlice": f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices",
    "Service": f"/api/v1/namespaces/{NAMESPACE}/services",
    "Secret": f"/api/v1/namespaces/{NAMESPACE}/secrets",
}
_LIMIT: Final = "projectcontour.io/max-connections"
_PATH: Final = re.compile(rb"/mark-(\d+)")
_ADDRESS: Final = re.compile(rb"11\.(\d+)\.(\d+)\.(\d+)")


def has_tls(number: int) -> bool:
    """Every tenth host has a Secret of its own."""
    return number % TLS_EVERY == 0


def name(number: int) -> str:
    """Of each of its objects."""
    return f"web-{number}"


def host(number: int) -> str:
    """As requests name it."""
    return f"h{number}.example.com"


def root(kind: str) -> str:
    """The path of the list of a kind, below which objects are by name."""
    return _ROOTS[kind]


def objects(number: int) -> Iterator[Object]:
    """As a user and the controllers of Kubernetes write them."""
    yield _object("Service", "v1", number, patch("Service", number, FIRST_MARK), spec=_service())
    yield _object(
        "EndpointSlice",
        "discovery.k8s.io/v1",
        number,
        {"metadata": {"labels": {"kubernetes.io/service-name": name(number)}}},
        addressType="IPv4",
        ports=[{"name": "http", "port": 8080, "protocol": "TCP"}],
        **patch("EndpointSlice", number, FIRST_MARK),
    )
    if has_tls(number):
        yield secret(name(number), pair(host(number), number=FIRST_MARK))
    ingress = _object("Ingress", "networking.k8s.io/v1", number, {}, **patch("Ingress", number, FIRST_MARK))
    if has_tls(number):
        ingress["spec"]["tls"] = [{"hosts": [host(number)], "secretName": name(number)}]
    yield ingress


def patch(kind: str, number: int, mark: int) -> Object:
    """A merge patch that gives the object this mark."""
    match kind:
        case "Ingress":
            backend = {"service": {"name": name(number), "port": {"number": 80}}}
            paths = [
                {"path": path, "pathType": "Prefix", "backend": backend} for path in ("/", f"/mark-{mark}")
            ]
            return {"spec": {"rules": [{"host": host(number), "http": {"paths": paths}}]}}
        case "EndpointSlice":
            marked = f"11.{mark >> 16}.{mark >> 8 & 255}.{mark & 255}"
            return {"endpoints": [_endpoint(marked), _endpoint(f"10.{number >> 8}.{number & 255}.1")]}
        case "Service":
            return {"metadata": {"annotations": {_LIMIT: str(mark)}}}
        case _:
            return {"data": secret("", pair(host(number), number=mark))["data"]}


def resource(kind: str, number: int) -> str:
    """The resource, `<type>/<name>`, by which Envoy is told of the object."""
    match kind:
        case "Ingress":
            return f"hosts/ingress_http/{host(number)}"
        case "EndpointSlice":
            return f"endpoints/{NAMESPACE}/{name(number)}/http"
        case "Service":
            return f"clusters/{NAMESPACE}/{name(number)}/80"
        case _:
            return f"secrets/{NAMESPACE}/{name(number)}"


def mark_of(type_: str, body: bytes) -> int:
    """The mark that a resource shows, 0 for none."""
    match type_:
        case "hosts":
            found = _PATH.search(body)
        case "endpoints":
            found = _ADDRESS.search(body)
            return int.from_bytes(map(int, found.groups())) if found else 0
        case "clusters":
            limits = Cluster.FromString(body).circuit_breakers.thresholds
            return limits[0].max_connections.value if limits else 0
        case "secrets":
            # Its subject is `CN=ECDSA <number>`.
            subject = x509.load_pem_x509_certificate(body[body.index(b"-----BEGIN CERT") :]).subject
            return int(subject.rfc4514_string().rpartition(" ")[2])
        case _:
            return 0
    return int(found[1]) if found else 0


def _object(kind: str, version: str, number: int, patched: Object, **rest: object) -> Object:
    metadata: Object = {"name": name(number), "namespace": NAMESPACE, **patched.get("metadata", {})}
    metadata["labels"] = {"app": name(number), "team": "shop", **metadata.get("labels", {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def _service() -> Object:
    return {
        "selector": {"app": "shop"},
        "clusterIP": "None",  # to choose an address takes the API server longer than all the rest
        "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}],
    }


def _endpoint(address: str) -> Object:
    pod = {"kind": "Pod", "namespace": NAMESPACE, "name": f"pod-{address}", "uid": f"{address:0>36}"}
    return {
        "addresses": [address],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "nodeName": "node-1",
        "zone": "zone-a",
        "targetRef": pod,
    }
