"""What a user who is no admin may read."""

from collections.abc import Iterable

from tests.kube.client import ApiError, Client, Object
from tests.kube.cluster import READER, Cluster
from tests.support.deadline import wait_until

GROUPS = {
    "ingresses": "networking.k8s.io",
    "ingressclasses": "networking.k8s.io",
    "services": "",
    "endpointslices": "discovery.k8s.io",
    "secrets": "",
    "tlscertificatedelegations": "projectcontour.io",
}


def grant(cluster: Cluster, kube: Client, resources: Iterable[str], *, everywhere: bool) -> None:
    """Lets the reader list and watch these, as long as the test lasts; waits until that has come about."""
    prefix = "Cluster" if everywhere else ""
    name = {"metadata": {"name": kube.namespace}}
    rules = [
        {"apiGroups": [GROUPS[each]], "resources": [each], "verbs": ["list", "watch"]} for each in resources
    ]
    rbac = "rbac.authorization.k8s.io"
    role: Object = {"apiVersion": f"{rbac}/v1", "kind": f"{prefix}Role", **name, "rules": rules}
    binding: Object = {
        "apiVersion": f"{rbac}/v1",
        "kind": f"{prefix}RoleBinding",
        **name,
        "roleRef": {"apiGroup": rbac, "kind": f"{prefix}Role", "name": kube.namespace},
        "subjects": [{"apiGroup": rbac, "kind": "User", "name": READER}],
    }
    kube.apply(role, binding)
    reader = cluster.client(READER, namespace=kube.namespace)
    wait_until(lambda: _may_list(reader, everywhere=everywhere), "the role has reached the authorizer")


def _may_list(reader: Client, *, everywhere: bool) -> bool:
    try:
        reader.list("Ingress", namespace="" if everywhere else None)
    except ApiError:
        return False
    return True
