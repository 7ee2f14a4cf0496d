"""`isoline up --kubeconfig`: an Envoy on this machine serves a live cluster, which does not notice."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.kube.client import Client
from tests.kube.cluster import READER, Cluster
from tests.kube.command.rights import GROUPS, grant
from tests.support.backend import Backend
from tests.support.manifest import Object, endpoints, ingress, path, rule, served, service
from tests.support.own_address import own_address
from tests.support.program import Program
from tests.support.up import Up

pytestmark = [pytest.mark.cluster, pytest.mark.envoy, pytest.mark.process]

HOST = "shop.example.com"
# What somebody who writes to a cluster leaves there: on the object, beside it, or as the holder of a Lease.
KINDS = ("Ingress", "Service", "EndpointSlice", "Secret", "Event", "Lease", "ConfigMap")
StartUp = Callable[..., Up]


@pytest.fixture
def up(cluster: Cluster, kube: Client) -> Iterator[StartUp]:
    """`up(*flags)` starts one, as the reader, on the namespace of the test."""
    with ExitStack() as stack:

        def start(*flags: str, user: str = READER) -> Up:
            config = cluster.kubeconfig("token-file", user=user, namespace=kube.namespace)
            words = ["--kubeconfig", config, "--watch-namespace", kube.namespace, *flags]
            return stack.enter_context(Up(None, *words))

        yield start


def here(kube: Client, *objects: Object) -> list[Object]:
    """These in the test's own namespace."""
    return [{**item, "metadata": item["metadata"] | {"namespace": kube.namespace}} for item in objects]


def stored(kube: Client) -> dict[tuple[str, str], str]:
    """The version of each object that there is; the API server itself has Leases in kube-system."""
    return {
        (kind, f"{item['metadata']['namespace']}/{item['metadata']['name']}"): item["metadata"][
            "resourceVersion"
        ]
        for kind in KINDS
        for item in kube.list(kind, namespace="")
        if item["metadata"]["namespace"] != "kube-system"
    }


def test_a_cluster_is_served_and_left_as_it_is(
    up: StartUp, cluster: Cluster, kube: Client, backend: Callable[..., Backend]
) -> None:
    """A change through the API arrives. No status, no Event, no Lease is written."""
    grant(cluster, kube, GROUPS, everywhere=True)
    objects = [item for name in "ab" for item in served(name, backend(name, address=own_address()))]
    kube.apply(*here(kube, ingress("web", rule(HOST, path("/", "a"))), *objects))
    before = stored(kube)
    running = up()

    assert running.answers(HOST) == "a"
    assert stored(kube) == before

    kube.apply(*here(kube, ingress("web", rule(HOST, path("/", "b"), path("/c", "c")))))
    before = stored(kube)
    running.becomes("b", HOST)

    running.program.said(f'^Ingress {kube.namespace}/web: ServiceNotFound: path /c names Service "c", .*$')
    assert stored(kube) == before
    assert not any("out of reach" in line for line in running.program.stderr)


def test_what_must_not_be_read_is_told_and_shown(
    up: StartUp, cluster: Cluster, kube: Client, isoline: Callable[..., Program]
) -> None:
    """As a problem like others, and by `isoline status`; the rest is served."""
    grant(cluster, kube, [name for name in GROUPS if name != "secrets"], everywhere=True)
    kube.apply(*here(kube, service("a")))

    running = up("--no-envoy")

    running.program.said("^API secrets: Forbidden: 403: secrets is forbidden: ")
    shown = "\n".join(isoline("status", "--run-dir", running.run_dir).stdout)
    assert "1 object of the cluster; secrets of namespace" in shown
    assert 'forbidden: 403: secrets is forbidden: User "reader" cannot' in " ".join(shown.split())


def test_nothing_of_what_must_not_be_read_is_said_to_be_missing(
    up: StartUp, cluster: Cluster, kube: Client
) -> None:
    """Nobody knows whether it is; what is missing all the same is told. With the right comes the truth."""
    grant(cluster, kube, [name for name in GROUPS if name != "secrets"], everywhere=True)
    web = ingress("web", rule(HOST, path("/", "a")))
    web["spec"]["tls"] = [{"hosts": [HOST], "secretName": "web"}]
    kube.apply(*here(kube, web))
    running = up("--no-envoy")
    running.program.said(f"^Ingress {kube.namespace}/web: ServiceNotFound: ")
    running.program.said("^API secrets: Forbidden: ")

    assert not any("SecretNotFound" in line for line in running.program.stderr)

    grant(cluster, kube, GROUPS, everywhere=True)

    running.program.said("^resolved: API secrets: Forbidden: ")
    running.program.said(f"^Ingress {kube.namespace}/web: SecretNotFound: there is no Secret .*/web with ")


def test_who_logs_in_again_is_served(cluster: Cluster, kube: Client) -> None:
    """Expired credentials are told, with what is waited for; nothing has to be started again."""
    config = cluster.kubeconfig("token-file", namespace=kube.namespace)
    token = config.with_suffix(".token").read_text()
    config.with_suffix(".token").write_text("expired")
    up = Up(None, "--kubeconfig", config, "--watch-namespace", kube.namespace, envoy=False)
    try:
        up.launch()
        up.program.said("API server unreachable.*401 Unauthorized")
        up.program.said("^still waiting for watcher: API server unreachable: 401 Unauthorized: .*expired")

        config.with_suffix(".token").write_text(token)

        up.program.said("^ready ")
    finally:
        up.__exit__()


def test_pods_out_of_reach_are_told_once(up: StartUp, cluster: Cluster, kube: Client) -> None:
    """Here behind a port whose queue is full: nobody answers, as where no route leads."""
    grant(cluster, kube, GROUPS, everywhere=True)
    with socket.create_server((own_address(), 0), backlog=0) as silent:
        address = silent.getsockname()
        with socket.create_connection(address):
            slice_ = endpoints("a", address[1])
            slice_["endpoints"][0]["addresses"] = [address[0]]
            kube.apply(*here(kube, ingress("web", rule(HOST, path("/", "a"))), service("a"), slice_))

            running = up()

            told = rf"^pod addresses are out of reach from this machine \({address[0]}:{address[1]}\): "
            running.program.said(told)
            assert running.answers(HOST) == "503"
