"""What Roles and ClusterRoles grant, one right at a time."""

from dataclasses import dataclass

from tests.deploy.objects import Object, Objects


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one resource, which is written as in `ingresses.networking.k8s.io/status`.

    `namespace` is empty for the whole cluster, `name` for objects of every name.
    """

    role: str
    namespace: str
    verb: str
    resource: str
    name: str = ""

    def __str__(self) -> str:
        """Unlike that of every other right."""
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{' ' if self.name else ''}{self.name}{where}"


def granted(objects: Objects) -> list[Right]:
    """All of them."""
    return [right for role in objects.of("Role", "ClusterRole") for right, _ in _flat(role)]


def without(role: Object, right: Right) -> Object:
    """The role, less this right."""
    return role | {"rules": [rule for found, rule in _flat(role) if found != right]}


def _flat(role: Object) -> list[tuple[Right, Object]]:
    """Each right with a rule that grants nothing else."""
    name, namespace = role["metadata"]["name"], role["metadata"].get("namespace", "")
    return [
        (
            Right(name, namespace, verb, _resource(resource, group), object_name),
            {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
            | ({"resourceNames": [object_name]} if object_name else {}),
        )
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for object_name in rule.get("resourceNames", [""])
        for verb in rule["verbs"]
    ]


def _resource(resource: str, group: str) -> str:
    plural, slash, subresource = resource.partition("/")
    return (f"{plural}.{group}" if group else plural) + slash + subresource
