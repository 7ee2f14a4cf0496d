"""What tests do to an API server."""

from pathlib import Path

import httpx
import pytest

from tests.kube.client import ApiError, Client, Object
from tests.kube.cluster import READER, Cluster
from tests.support.deadline import wait_until

pytestmark = pytest.mark.cluster

DELEGATIONS = (Path(__file__).parents[2] / "deploy/crds/tlscertificatedelegations.yaml").read_text()
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  defaultBackend: {service: {name: web, port: {number: 80}}}
"""
READS_INGRESSES = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [networking.k8s.io], resources: [ingresses], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: reader}]
"""
ACCOUNT: Object = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}}


def names(client: Client, kind: str, namespace: str | None = None) -> list[str]:
    return [item["metadata"]["name"] for item in client.list(kind, namespace=namespace)]


def may_list(client: Client, kind: str) -> bool:
    try:
        client.list(kind)
    except ApiError:
        return False
    return True


def test_what_is_applied_is_read_back_patched_and_deleted(kube: Client) -> None:
    """In the client's namespace, by the kind's name; applied twice it is the same object."""
    (first,) = kube.apply(INGRESS)
    (again,) = kube.apply(INGRESS.replace("80", "8080"))
    kube.patch("Ingress", "web", {"metadata": {"labels": {"a": "b"}}})
    kube.patch("Ingress", "web", [{"op": "add", "path": "/metadata/labels/c", "value": "d"}], how="json")
    kube.patch_status("Ingress", "web", {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}})

    found = kube.get("Ingress", "web")

    assert first["metadata"]["uid"] == again["metadata"]["uid"] == found["metadata"]["uid"]
    assert found["metadata"]["namespace"] == kube.namespace
    assert found["metadata"]["labels"] == {"a": "b", "c": "d"}
    assert found["spec"]["defaultBackend"]["service"]["port"] == {"number": 8080}
    assert found["status"] == {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    assert names(kube, "Ingress") == names(kube, "Ingress", namespace="") == ["web"]

    kube.delete("Ingress", "web")

    assert names(kube, "Ingress") == []


def test_a_refusal_says_what_the_server_says(kube: Client) -> None:
    """The code to test by, the message to read."""
    with pytest.raises(
        ApiError, match=r'404 NotFound: ingresses.networking.k8s.io "web" not found'
    ) as caught:
        kube.get("Ingress", "web")

    assert (caught.value.code, caught.value.reason) == (404, "NotFound")

    with pytest.raises(ApiError, match=r"422 Invalid: .*spec: Invalid value.*defaultBackend"):
        kube.apply({**ACCOUNT, "apiVersion": "networking.k8s.io/v1", "kind": "Ingress"})


def test_a_user_without_a_role_is_forbidden_until_one_is_bound(cluster: Cluster, kube: Client) -> None:
    """So that a test sees what RBAC refuses, which an admin never does."""
    reader = cluster.client(READER, namespace=kube.namespace)

    with pytest.raises(ApiError, match=r'User "reader" cannot list resource "ingresses"') as caught:
        reader.list("Ingress")

    assert caught.value.code == 403

    kube.apply(READS_INGRESSES)

    wait_until(lambda: may_list(reader, "Ingress"), "the role has reached the authorizer")


def test_a_requested_token_is_its_service_account(cluster: Cluster, kube: Client) -> None:
    """In a namespace without any controller."""
    kube.apply(ACCOUNT)

    robot = cluster.client(token=kube.token("robot"))
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = robot.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)

    assert answer["status"]["userInfo"]["username"] == f"system:serviceaccount:{kube.namespace}:robot"


def test_a_defined_kind_is_there_at_once_and_gone_with_the_test(kube: Client) -> None:
    """As is all that a test applies; a Namespace too, which nobody else would end."""
    delegation = {
        "apiVersion": "projectcontour.io/v1",
        "kind": "TLSCertificateDelegation",
        "metadata": {"name": "wild"},
        "spec": {"delegations": [{"secretName": "wild", "targetNamespaces": ["*"]}]},
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{kube.namespace}-b"}}
    kube.apply(DELEGATIONS, delegation, namespace, {**ACCOUNT, "metadata": {"name": "a"}})

    assert kube.get("TLSCertificateDelegation", "wild")["spec"] == delegation["spec"]

    kube.clean()

    assert not {name for name in names(kube, "Namespace") if name.startswith(kube.namespace)}
    with pytest.raises(ApiError) as caught:
        kube.ask("GET", "/apis/projectcontour.io/v1/tlscertificatedelegations")
    assert caught.value.code == httpx.codes.NOT_FOUND
