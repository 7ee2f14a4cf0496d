"""deploy/ before a real API server: what it takes, and what kustomize cannot know."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.container import ROOT
from tests.deploy.installed import NAMESPACE, apply
from tests.deploy.objects import WORKLOADS, Objects
from tests.deploy.rendered import NAMESPACED, VARIANTS, copy, render
from tests.kube.client import ApiError, Client
from tests.kube.cluster import Cluster

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def cluster(assets: Path) -> Iterator[Cluster]:
    with Cluster(assets) as running:
        yield running


def versions(client: Client, objects: Objects) -> dict[str, str]:
    """The version of each of these objects, as stored."""
    found = {}
    for item in objects.items:
        metadata = item["metadata"]
        stored = client.get(item["kind"], metadata["name"], namespace=metadata.get("namespace"))["metadata"]
        found[f"{item['kind']} {metadata['name']}"] = stored["resourceVersion"]
    return found


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_is_taken_strictly_and_a_second_time_changes_nothing(
    cluster: Cluster, tmp_path: Path, variant: str
) -> None:
    """With certificates that stay; renewed ones make new Secrets."""
    deploy, client = copy(tmp_path / "deploy"), cluster.client()
    objects = render(deploy / variant)
    apply(cluster, deploy / variant)
    first = versions(client, objects)

    apply(cluster, deploy / variant)

    assert len(first) == len(objects.items)
    assert versions(client, objects) == first


def test_the_namespace_admits_every_pod(cluster: Cluster, tmp_path: Path, objects: Objects) -> None:
    """As the API server judges the restricted standard; one with more rights is refused."""
    apply(cluster, copy(tmp_path / "deploy"))
    client = cluster.client(namespace=NAMESPACE)
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"

    for workload in objects.of(*WORKLOADS):
        template = workload["spec"]["template"]
        metadata = template["metadata"] | {"name": "tried"}
        pod = {**template, "apiVersion": "v1", "kind": "Pod", "metadata": metadata}
        assert client.ask("POST", path, pod, params={"dryRun": "All"})["kind"] == "Pod"

        pod["spec"] = template["spec"] | {"hostNetwork": True}
        with pytest.raises(ApiError, match='violates PodSecurity "restricted:latest": host namespaces'):
            client.ask("POST", path, pod, params={"dryRun": "All"})


def test_another_namespace_is_added_as_the_readme_says(cluster: Cluster, tmp_path: Path) -> None:
    """By its three commands: the watcher reads it too, and has its role there."""
    copy(tmp_path / "deploy")
    text = (ROOT / "deploy/README.md").read_text()
    commands = text.partition("For another namespace, say `shop`:\n\n")[2].partition("\n\n")[0]
    cluster.client().apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})

    subprocess.run(["sh", "-e"], input=commands, text=True, check=True, cwd=tmp_path)

    objects = render(tmp_path / "deploy" / NAMESPACED)
    apply(cluster, tmp_path / "deploy" / NAMESPACED)
    assert "--watch-namespace=default,shop" in objects.containers()["isoline-control-plane/watcher"]["args"]
    for kind in ("Role", "RoleBinding"):
        assert cluster.client().get(kind, "isoline-control-plane", namespace="shop")
