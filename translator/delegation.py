"""TLSCertificateDelegation: a namespace lets others serve its certificates."""

from collections.abc import Iterable
from typing import Any

from translator.derive import View
from translator.field import Field
from translator.problem import Problem

INDEX = "delegations"  # namespace → its TLSCertificateDelegations
ANY = "*"


def namespaces(body: dict[str, Any]) -> Iterable[str]:
    """The namespace of a delegation: for the index."""
    namespace = Field("", body, "", [])["metadata"]["namespace"].text()
    return () if namespace is None else (namespace,)


def granted(view: View, ref: str) -> tuple[tuple[str, str], ...]:
    """(Secret, namespace that may serve it) of each line of a delegation; either may be ANY."""
    return _read(view, ref)[0]


def delegation_problems(view: View, ref: str) -> tuple[Problem, ...]:
    """What is wrong with a delegation."""
    return _read(view, ref)[1]


def is_granted(view: View, secret: str, namespace: str) -> bool:
    """Whether Ingresses of a namespace may serve the Secret `namespace/name`."""
    owner, name = secret.split("/")
    return owner == namespace or any(
        granting in {name, ANY} and to in {namespace, ANY}
        for ref in view.index(INDEX, owner)
        for granting, to in view(granted, ref)
    )


def _read(view: View, ref: str) -> tuple[tuple[tuple[str, str], ...], tuple[Problem, ...]]:
    found: list[Problem] = []
    spec = Field(ref, view.object(ref), "", found)["spec"]
    spec.mapping(required=True)
    pairs = tuple(
        (name, to)
        for item in spec["delegations"].items(required=True)
        if item.mapping(required=True) and (name := item["secretName"].text(required=True))
        for target in item["targetNamespaces"].items(required=True)
        if (to := target.text(required=True))
    )
    return pairs, tuple(found)
