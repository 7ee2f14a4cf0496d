"""What Roles and ClusterRoles grant, one right at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from tests.deploy.objects import Object, Objects
from tests.kube.client import Client
from tests.support.deadline import wait_until

ROLES = ("Role", "ClusterRole")
ACCOUNT = "system:serviceaccount:isoline:isoline-control-plane"


@dataclass(frozen=True)
class Right:
    """One verb on one resource (`ingresses/status`) of a group, which is empty for the core.

    `namespace` is empty for the whole cluster, `name` for objects of every name.
    """

    verb: str
    resource: str
    group: str = ""
    name: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        """Unlike that of every other: `update leases.coordination.k8s.io isoline in isoline`."""
        name, where = f" {self.name}" if self.name else "", f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.qualified}{name}{where}"

    @property
    def qualified(self) -> str:
        """The resource with its group: `ingresses.networking.k8s.io/status`."""
        plural, slash, subresource = self.resource.partition("/")
        return (f"{plural}.{self.group}" if self.group else plural) + slash + subresource

    @property
    def refusal(self) -> str:
        """A pattern of what an API server says, as it stands in a line of JSON, to whoever has it not."""
        return rf'cannot {self.verb} resource \\"{self.resource}\\" in API group \\"{self.group}\\"'


def granted(objects: Objects) -> dict[str, Right]:
    """All of them, by how they are written."""
    return {str(right): right for role in objects.of(*ROLES) for right, _ in _flat(role)}


@contextmanager
def taken_away(client: Client, objects: Objects, *rights: str) -> Iterator[None]:
    """Within this the control plane has what `objects` grant, less these."""
    lost = [granted(objects)[right] for right in rights]
    roles = [role for role in objects.of(*ROLES) if any(right in lost for right, _ in _flat(role))]
    client.apply(*(_without(role, lost) for role in roles))
    try:
        _wait(client, lost, allowed=False)
        yield
    finally:
        client.apply(*roles)
        _wait(client, lost, allowed=True)


def _wait(client: Client, rights: list[Right], *, allowed: bool) -> None:
    """An API server learns of a role a moment after it has stored it."""
    told = "has" if allowed else "has not"
    for right in rights:
        wait_until(partial(_agrees, client, right, allowed=allowed), f"the control plane {told}: {right}")


def _flat(role: Object) -> list[tuple[Right, Object]]:
    """Each right with a rule that grants nothing else."""
    namespace = role["metadata"].get("namespace", "")
    return [
        (
            Right(verb, resource, group, name, namespace),
            {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
            | ({"resourceNames": [name]} if name else {}),
        )
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
        for verb in rule["verbs"]
    ]


def _without(role: Object, lost: list[Right]) -> Object:
    return role | {"rules": [rule for right, rule in _flat(role) if right not in lost]}


def _agrees(client: Client, right: Right, *, allowed: bool) -> bool:
    resource, _, subresource = right.resource.partition("/")
    asked = {
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "name": right.name,
        "namespace": right.namespace,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": ACCOUNT, "resourceAttributes": asked},
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    return bool(client.ask("POST", path, review)["status"]["allowed"]) == allowed
