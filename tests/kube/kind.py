"""The kinds that an API server serves, and the paths of their objects."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True)
class Kind:
    """A kind of one version of one group."""

    name: str
    api_version: str
    plural: str
    is_namespaced: bool

    def path(self, namespace: str, name: str) -> str:
        """Of the object, or of the list with an empty `name`; an empty `namespace` is all of them."""
        root = "apis" if "/" in self.api_version else "api"
        within = f"namespaces/{namespace}/" if self.is_namespaced and namespace else ""
        return f"/{root}/{self.api_version}/{within}{self.plural}" + (f"/{name}" if name else "")


class Kinds:
    """What discovery says, asked by `ask(method, path, accept=...)` when a kind is not known yet."""

    def __init__(self, ask: Callable[..., Any]) -> None:
        self._ask = ask
        self._known: list[Kind] = []

    def find(self, name: str, api_version: str | None = None) -> Kind:
        """The kind of this version, or of the server's preferred one; KeyError where the server has none."""
        found = self._find(name, api_version)
        if found is None:
            self._known = [kind for path in ("/api", "/apis") for kind in self._discover(path)]
            found = self._find(name, api_version)
        if found is None:
            raise KeyError(f"the server serves no {api_version or ''} {name}")
        return found

    def serves(self, name: str) -> bool:
        """Whether the server serves it now."""
        return any(kind.name == name for kind in self._discover("/apis"))

    def _find(self, name: str, api_version: str | None) -> Kind | None:
        for kind in self._known:
            if kind.name == name and api_version in {None, kind.api_version}:
                return kind
        return None

    def _discover(self, path: str) -> list[Kind]:
        return [
            Kind(
                name=resource["responseKind"]["kind"],
                api_version="/".join(filter(None, (group["metadata"].get("name"), version["version"]))),
                plural=resource["resource"],
                is_namespaced=resource["scope"] == "Namespaced",
            )
            for group in self._ask("GET", path, accept=_AGGREGATED)["items"]
            for version in group["versions"]
            for resource in version["resources"]
        ]
