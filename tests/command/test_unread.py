"""What a cluster does not let us read is told; what may follow from that alone is not."""

from pathlib import Path

import pytest

from isoline import manifests
from isoline.objects import Objects
from isoline.translation import translate
from isoline.unserved_classes import unserved
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


def reasons(tmp_path: Path, *unread: tuple[str, str]) -> list[str]:
    """Of the problems of WEB, where these kinds of these namespaces cannot be read."""
    file = tmp_path / "web.yaml"
    file.write_text(WEB)
    rows = manifests.read([str(file)]).rows
    objects = Objects(rows, "in the cluster", unread=frozenset(unread))
    found = translate(objects, Settings(), lambda rows, _: unserved(rows, ())).problems
    return sorted({problem.reason for problem in found})


def test_of_what_can_be_read_everything_is_told(tmp_path: Path) -> None:
    """Here all of it."""
    assert reasons(tmp_path) == ALL


@pytest.mark.parametrize(
    ("kind", "untold"),
    [
        ("IngressClass", "ClassNotServed"),
        ("Secret", "SecretNotFound"),
        ("Service", "ServiceNotFound"),
        ("TLSCertificateDelegation", "SecretNotDelegated"),
    ],
)
def test_nothing_is_missing_of_a_kind_that_cannot_be_read(tmp_path: Path, kind: str, untold: str) -> None:
    """It may be there; the rest is told."""
    assert reasons(tmp_path, (kind, "")) == [each for each in ALL if each != untold]


@pytest.mark.parametrize(
    ("kind", "namespace", "untold"),
    [
        ("Secret", "shop", {"SecretNotFound"}),
        ("Secret", "certs", set()),
        ("TLSCertificateDelegation", "certs", {"SecretNotDelegated"}),
        ("TLSCertificateDelegation", "shop", set()),
        ("Service", "shop", {"ServiceNotFound"}),
        ("Service", "certs", set()),
    ],
)
def test_of_a_namespace_that_cannot_be_read_that_alone_counts(
    tmp_path: Path, kind: str, namespace: str, untold: set[str]
) -> None:
    """A delegation is in the namespace of the Secret that it is about."""
    assert reasons(tmp_path, (kind, namespace)) == [each for each in ALL if each not in untold]
