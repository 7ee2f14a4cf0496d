"""What a cluster does not let us read is told; what may follow from that alone is not."""

from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from isoline import manifests
from isoline.objects import Objects
from isoline.translation import translate
from isoline.unserved_classes import unserved
from runtime.link.row import Row
from translator.settings import Settings

WEB = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop, annotations: {projectcontour.io/num-retries: x}}
spec:
  tls: [{hosts: [a.example.com], secretName: own}]
  rules: [{host: a.example.com, http: {paths: [{path: /, pathType: Prefix, backend: CART}]}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: wild, namespace: shop, annotations: {projectcontour.io/tls-cert-namespace: certs}}
spec:
  tls: [{hosts: [b.example.com], secretName: wild}]
  rules: [{host: b.example.com, http: {paths: [{path: /, pathType: Prefix, backend: CART}]}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: other, namespace: shop}
spec: {ingressClassName: edge, defaultBackend: CART}
""".replace("CART", "{service: {name: cart, port: {number: 80}}}")
ALL = ["ClassNotServed", "InvalidAnnotation", "SecretNotDelegated", "SecretNotFound", "ServiceNotFound"]


CLASSES = "ingressclasses.networking.k8s.io"
DELEGATIONS = "tlscertificatedelegations.projectcontour.io"


def forbidden(resource: str, *namespaces: str) -> dict[str, Row]:
    """What a watcher says that must not read it in these namespaces, "" being all."""
    body = {"kind": "API", "metadata": {"name": resource}, "problems": [], "namespaces": list(namespaces)}
    return {f"API//{resource}": Row.of(orjson.dumps(body))}


def reasons(tmp_path: Path, unread: Mapping[str, Row]) -> list[str]:
    """Of the problems of WEB, in a cluster of which this must not be read."""
    file = tmp_path / "web.yaml"
    file.write_text(WEB)
    objects = Objects({**manifests.read([str(file)]).rows, **unread}, "in the cluster")
    found = translate(objects, Settings(), lambda rows, _: unserved(rows, ())).problems
    return sorted({problem.reason for problem in found})


def test_of_what_can_be_read_everything_is_told(tmp_path: Path) -> None:
    """Here all of it."""
    assert reasons(tmp_path, {}) == ALL


@pytest.mark.parametrize(
    ("resource", "untold"),
    [
        (CLASSES, "ClassNotServed"),
        ("secrets", "SecretNotFound"),
        ("services", "ServiceNotFound"),
        (DELEGATIONS, "SecretNotDelegated"),
    ],
)
def test_nothing_is_missing_of_what_cannot_be_read(tmp_path: Path, resource: str, untold: str) -> None:
    """It may be there; the rest is told."""
    assert reasons(tmp_path, forbidden(resource, "")) == [each for each in ALL if each != untold]


@pytest.mark.parametrize(
    ("resource", "namespace", "untold"),
    [
        ("secrets", "shop", {"SecretNotFound"}),
        ("secrets", "certs", set()),
        (DELEGATIONS, "certs", {"SecretNotDelegated"}),
        (DELEGATIONS, "shop", set()),
        ("services", "shop", {"ServiceNotFound"}),
        ("services", "certs", set()),
    ],
)
def test_of_a_namespace_that_cannot_be_read_that_alone_counts(
    tmp_path: Path, resource: str, namespace: str, untold: set[str]
) -> None:
    """A delegation is in the namespace of the Secret that it is about."""
    assert reasons(tmp_path, forbidden(resource, namespace, "other")) == [
        each for each in ALL if each not in untold
    ]
