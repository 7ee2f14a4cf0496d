"""Objects of Kubernetes, as a manifest has them or as an API server answers them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

WORKLOADS = ("Deployment", "StatefulSet")


@dataclass(frozen=True)
class Objects:
    """All that was rendered, or read back."""

    items: Sequence[Object]

    def of(self, *kinds: str) -> list[Object]:
        """The objects of these kinds."""
        return [item for item in self.items if item["kind"] in kinds]

    def named(self, kind: str, name: str) -> Object:
        """The object of this kind and name."""
        return next(item for item in self.of(kind) if item["metadata"]["name"] == name)

    def pod_specs(self) -> list[Object]:
        """What each workload makes pods from."""
        return [item["spec"]["template"]["spec"] for item in self.of(*WORKLOADS)]

    def containers(self) -> dict[str, Object]:
        """Every container of every workload, by `<workload>/<container>`."""
        return {
            f"{workload['metadata']['name']}/{container['name']}": container
            for workload in self.of(*WORKLOADS)
            for container in workload["spec"]["template"]["spec"]["containers"]
        }

    def pods(self) -> dict[str, Object]:
        """One pod for each replica of each workload, by name."""
        return {
            f"{workload['metadata']['name']}-{number}": workload["spec"]["template"]
            for workload in self.of(*WORKLOADS)
            for number in range(workload["spec"]["replicas"])
        }

    def selected(self, selector: Mapping[str, str]) -> list[str]:
        """The pods that a selector selects."""
        return [
            name for name, pod in self.pods().items() if selector.items() <= pod["metadata"]["labels"].items()
        ]
