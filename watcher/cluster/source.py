"""What is listed and watched: a kind, in one namespace or in all, and only objects that can matter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from watcher.kinds import OPAQUE, READ, TLS, Kind

# As API servers name them in paths.
RESOURCES: Final[Mapping[str, str]] = {
    "Ingress": "ingresses",
    "IngressClass": "ingressclasses",
    "Service": "services",
    "EndpointSlice": "endpointslices",
    "Secret": "secrets",
    "TLSCertificateDelegation": "tlscertificatedelegations",
}
# Without these there is nothing to serve: who cannot read them says nothing, so that what is served stays.
ESSENTIAL: Final = frozenset({"Ingress", "Service", "EndpointSlice"})
# Kinds that a cluster may not have.
CUSTOM: Final = frozenset({"TLSCertificateDelegation"})
# A selector has no "or", and most Secrets are for others: one source for each type that can hold a
# certificate.
SECRETS: Final = tuple({"fieldSelector": f"type={type_}"} for type_ in (TLS, OPAQUE))


@dataclass(frozen=True, slots=True)
class Source:
    """One list and watch. `name` says which; `resource` is as RBAC writes it
    (`ingresses.networking.k8s.io`).
    """

    kind: Kind
    path: str
    namespace: str = ""
    selector: Mapping[str, str] = field(default_factory=dict)

    @property
    def resource(self) -> str:
        """The resource and its group."""
        name = RESOURCES[self.kind.name]
        return f"{name}.{self.kind.group}" if self.kind.group else name

    @property
    def name(self) -> str:
        """Unlike that of every other source."""
        where = f" of namespace {self.namespace}" if self.namespace else ""
        return " ".join([self.resource + where, *self.selector.values()])

    @property
    def essential(self) -> bool:
        """Whether without it there is nothing to serve."""
        return self.kind.name in ESSENTIAL

    @property
    def custom(self) -> bool:
        """Whether the cluster may not know the kind."""
        return self.kind.name in CUSTOM


def sources(namespaces: Sequence[str] = ()) -> list[Source]:
    """All that the translator reads, in these namespaces or, with none, in all."""
    return [
        Source(kind, path(kind, namespace), namespace, selector)
        for kind in READ.values()
        for namespace in (namespaces if kind.namespaced and namespaces else ("",))
        for selector in (SECRETS if kind.name == "Secret" else ({},))
    ]


def one_service(namespace: str, name: str) -> Source:
    """A single Service."""
    kind = READ["Service"]
    return Source(kind, path(kind, namespace), namespace, {"fieldSelector": f"metadata.name={name}"})


def path(kind: Kind, namespace: str) -> str:
    """Where an API server has a kind; with a namespace, what of it is in there."""
    root = f"/apis/{kind.version}" if kind.group else f"/api/{kind.version}"
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{within}/{RESOURCES[kind.name]}"
