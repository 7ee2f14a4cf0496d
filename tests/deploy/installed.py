"""deploy/ in an API server, and its pods as plain processes."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.kubelet import Kubelet
from tests.deploy.plain import Plain
from tests.deploy.rendered import CLUSTER_WIDE, copy
from tests.kube.client import Client
from tests.kube.cluster import Cluster
from tests.kube.kubectl import kubectl
from tests.support.background import Background

NAMESPACE = "isoline"
CONTROL_PLANE = tuple(f"isoline-control-plane-0/{name}" for name in ("watcher", "translator", "xds-server"))
WATCHER, TRANSLATOR, _ = CONTROL_PLANE


@dataclass(frozen=True)
class Installed:
    """`client` is an admin, in the namespace `default`; of `plain` nothing has been started."""

    cluster: Cluster
    client: Client
    plain: Plain

    def move(self, address: str) -> None:
        """Gives the Service of the Envoys this IP address, as a cloud does."""
        status = {"loadBalancer": {"ingress": [{"ip": address}]}}
        self.client.patch_status("Service", "isoline-envoy", status, namespace=NAMESPACE)

    def address(self, name: str) -> str | None:
        """The IP address in the status of an Ingress."""
        entries = self.client.get("Ingress", name)["status"]["loadBalancer"].get("ingress", [{}])
        found: str | None = entries[0].get("ip")
        return found


def apply(cluster: Cluster, folder: Path) -> None:
    """As the README says: an unknown field or a value that is none would be refused."""
    kubectl("apply", "--server-side", "--validate=strict", "-k", folder, kubeconfig=cluster.kubeconfig())


@contextmanager
def installed(cluster: Cluster, background: Background, variant: str = CLUSTER_WIDE) -> Iterator[Installed]:
    """What was applied is read back, and only that is run."""
    # Short: a unix socket's path has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="pods-"))
    try:
        apply(cluster, copy(folder / "deploy") / variant)
        client = cluster.client(namespace=NAMESPACE)
        client.apply(_root_ca(cluster))
        plan = Kubelet(client, cluster.url).plan(folder)
        with Plain(plan, background) as plain:
            yield Installed(cluster, cluster.client(), plain)
    finally:
        shutil.rmtree(folder)


def _root_ca(cluster: Cluster) -> dict[str, object]:
    """What a controller of Kubernetes puts into each namespace."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "kube-root-ca.crt"},
        "data": {"ca.crt": cluster.ca.read_text()},
    }
