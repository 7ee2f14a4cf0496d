"""One object of each kind that the watcher reads."""

from tests.deploy.container import ROOT
from tests.deploy.objects import Object
from tests.support import certificate

DEFINITION = (ROOT / "deploy/crds/tlscertificatedelegations.yaml").read_text()
INGRESS_CLASS: Object = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "IngressClass",
    "metadata": {"name": "other"},
    "spec": {"controller": "example.com/other"},
}


def named(name: str, namespace: str = "default") -> list[Object]:
    """Those that are in a namespace, all of one name. The Ingress is ours, with a host of its own."""
    backend = {"service": {"name": name, "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    rule = {"host": f"{name}.example.com", "http": {"paths": [path]}}
    slice_of = {"kubernetes.io/service-name": name}
    delegation = {"secretName": name, "targetNamespaces": ["*"]}
    made: list[Object] = [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "spec": {"ingressClassName": "isoline", "rules": [rule]},
        },
        {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"name": "http", "port": 80}]}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["192.0.2.10"]}],
            "ports": [{"name": "http", "port": 8080}],
        },
        certificate.secret(name, certificate.pair("web.example.com")),
        {
            "apiVersion": "projectcontour.io/v1",
            "kind": "TLSCertificateDelegation",
            "spec": {"delegations": [delegation]},
        },
    ]
    labels = {"EndpointSlice": slice_of}
    return [
        item | {"metadata": {"name": name, "namespace": namespace, "labels": labels.get(item["kind"], {})}}
        for item in made
    ]


def references(objects: list[Object]) -> set[str]:
    """Their keys in the table of objects."""
    return {
        f"{item['kind']}/{item['metadata'].get('namespace', '')}/{item['metadata']['name']}"
        for item in objects
    }
