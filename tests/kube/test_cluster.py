"""The API server that tests start, stop and ask."""

import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import psutil
import pytest

from tests.kube import kubeconfig
from tests.kube.authority import Authority
from tests.kube.client import ApiError, Client
from tests.kube.cluster import READER, Cluster
from tests.kube.kubectl import KubectlError, kubectl
from tests.support.deadline import EndedError, wait_until

pytestmark = pytest.mark.cluster

OwnCluster = Callable[..., Cluster]


def config_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


@pytest.mark.parametrize("kind", get_args(kubeconfig.Kind))
def test_kubectl_is_who_the_kubeconfig_says(cluster: Cluster, kube: Client, kind: kubeconfig.Kind) -> None:
    """By each way to prove it, in the namespace of its context."""
    path = cluster.kubeconfig(kind, user=READER, namespace=kube.namespace)

    who = json.loads(kubectl("auth", "whoami", "-o", "json", kubeconfig=path))

    assert who["status"]["userInfo"]["username"] == "reader"
    assert who["status"]["userInfo"]["groups"] == ["system:authenticated"]
    with pytest.raises(KubectlError, match=f'cannot list resource "pods".*namespace "{kube.namespace}"'):
        kubectl("get", "pods", kubeconfig=path)


def test_two_clusters_side_by_side_share_nothing(cluster: Cluster, own_cluster: OwnCluster) -> None:
    """Neither objects nor users."""
    other = own_cluster()
    other.client().apply(config_map("here"))

    assert [item["metadata"]["name"] for item in other.client().list("ConfigMap")] == ["here"]
    assert "here" not in {item["metadata"]["name"] for item in cluster.client().list("ConfigMap")}
    assert cluster.client().ask("GET", "/version")["gitVersion"].startswith("v1.")
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        Client(other.url, ssl.create_default_context(cafile=cluster.ca)).ask("GET", "/version")


def test_a_restart_keeps_objects_and_ends_old_watches_with_410(own_cluster: OwnCluster) -> None:
    """At the address of before, with the certificate of before: the same client goes on."""
    own = own_cluster()
    admin = own.client()
    (before,) = admin.apply(config_map("a"))
    admin.apply(config_map("b"))

    own.restart()

    version = before["metadata"]["resourceVersion"]
    watch = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "5"}
    event = admin.ask("GET", "/api/v1/configmaps", params=watch)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert admin.get("ConfigMap", "a") == before

    own.kill()

    with pytest.raises(OSError, match="GET /version"):
        admin.ask("GET", "/version")

    own.start()

    assert admin.get("ConfigMap", "a") == before


def test_a_replaced_certificate_is_trusted_by_who_knows_its_authority(own_cluster: OwnCluster) -> None:
    """Without a restart; its users and tokens are those of before."""
    own = own_cluster()
    before = ssl.create_default_context(cafile=own.ca)
    own.replace_certificate(Authority("another"))

    wait_until(lambda: own.client(READER).ask("GET", "/version"), "the certificate is taken up")

    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        Client(own.url, before).ask("GET", "/version")


def test_flags_reach_the_server(own_cluster: OwnCluster) -> None:
    """Here one that turns streaming lists off."""
    admin = own_cluster("--feature-gates=WatchList=false").client()
    params = {"watch": "1", "sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}

    with pytest.raises(ApiError, match="sendInitialEvents is forbidden"):
        admin.ask("GET", "/api/v1/configmaps", params=params)


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(assets: Path) -> None:
    """No process, no folder."""
    broken = Cluster(assets, "--no-such-flag")

    with pytest.raises(EndedError, match="unknown flag: --no-such-flag"):
        broken.__enter__()

    assert not broken.folder.exists()
    assert not psutil.pid_exists(broken.etcd.pid)
