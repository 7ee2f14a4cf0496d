"""A kubeconfig as users have it: every way to prove who one is, and what one may not read."""

import json
from collections.abc import Callable
from typing import get_args

import pytest

from tests.kube import kubeconfig
from tests.kube.client import Client
from tests.kube.cluster import READER, Cluster
from tests.kube.command.rights import GROUPS, grant
from tests.support.manifest import Object, ingress, path, rule, service
from tests.support.program import Program

pytestmark = pytest.mark.cluster

Isoline = Callable[..., Program]
WITHOUT_SECRETS = [name for name in GROUPS if name != "secrets"]
FORBIDDEN = '403: {0} is forbidden: User "reader" cannot watch resource "{1}" in API group "{2}" {3}'
REFUSED = "401 Unauthorized: the API server does not take our credentials; have they expired?"


def here(kube: Client, *objects: Object) -> list[Object]:
    """These in the test's own namespace."""
    return [{**item, "metadata": item["metadata"] | {"namespace": kube.namespace}} for item in objects]


def secured() -> Object:
    """An Ingress whose Secret and Service are missing."""
    item = ingress("web", rule("a.example.com", path("/", "cart")))
    item["spec"]["tls"] = [{"hosts": ["a.example.com"], "secretName": "web"}]
    return item


@pytest.mark.parametrize("kind", get_args(kubeconfig.Kind))
def test_a_cluster_is_read_by_each_kind_of_kubeconfig(
    isoline: Isoline, cluster: Cluster, kube: Client, kind: kubeconfig.Kind
) -> None:
    """As whoever it says."""
    kube.apply(*here(kube, service("cart")))
    config = cluster.kubeconfig(kind, namespace=kube.namespace)

    program = isoline("check", "--kubeconfig", config, "--watch-namespace", kube.namespace)

    assert (program.exit_code(), program.stdout) == (0, [])
    assert program.stderr == ["1 object in the cluster: 0 errors, 0 warnings"]


def test_a_token_that_is_not_taken_is_one_line(isoline: Isoline, cluster: Cluster) -> None:
    """Of a file or of a plugin; exit code 3."""
    by_file, by_plugin = cluster.kubeconfig("token-file"), cluster.kubeconfig("exec")
    by_file.with_suffix(".token").write_text("expired")
    said = by_plugin.with_suffix(".json")
    credential = json.loads(said.read_text())
    said.write_text(json.dumps(credential | {"status": {"token": "expired"}}))

    for config in (by_file, by_plugin):
        program = isoline("check", "--kubeconfig", config)

        assert (program.exit_code(), program.stdout) == (3, [])
        assert program.stderr == [f"isoline: --kubeconfig {config}: API server unreachable: {REFUSED}"]


def test_a_certificate_that_has_expired_is_one_line(isoline: Isoline, cluster: Cluster) -> None:
    """An API server takes the connection, and refuses each request."""
    config = cluster.kubeconfig("client-certificate", expired=True)

    program = isoline("check", "--kubeconfig", config)

    assert (program.exit_code(), program.stdout) == (3, [])
    assert program.stderr == [f"isoline: --kubeconfig {config}: API server unreachable: {REFUSED}"]


def test_who_may_read_no_ingresses_is_told_so(isoline: Isoline, cluster: Cluster) -> None:
    """There is nothing to check; perhaps in a namespace there is."""
    config = cluster.kubeconfig(user=READER)

    program = isoline("check", "--kubeconfig", config)

    why = FORBIDDEN.format(
        "ingresses.networking.k8s.io", "ingresses", GROUPS["ingresses"], "at the cluster scope"
    )
    hint = "name the namespaces that you may read with --watch-namespace"
    assert (program.exit_code(), program.stdout) == (3, [])
    assert program.stderr == [f"isoline: --kubeconfig {config}: {why}; {hint}"]


def test_secrets_that_must_not_be_read_are_one_problem(
    isoline: Isoline, cluster: Cluster, kube: Client
) -> None:
    """That each of them is missing would be another; nobody knows. What is wrong all the same is told."""
    grant(cluster, kube, WITHOUT_SECRETS, everywhere=True)
    kube.apply(*here(kube, secured()))
    config = cluster.kubeconfig(user=READER)

    program = isoline("check", "--kubeconfig", config)

    missing = 'ServiceNotFound: path / names Service "cart", which does not exist'
    assert program.exit_code() == 1
    assert program.stdout == [
        f"API secrets: Forbidden: {FORBIDDEN.format('secrets', 'secrets', '', 'at the cluster scope')}",
        f"Ingress {kube.namespace}/web: {missing}",
    ]


def test_one_who_may_read_a_namespace_alone_names_it(
    isoline: Isoline, cluster: Cluster, kube: Client
) -> None:
    """IngressClasses belong to none."""
    grant(cluster, kube, ["ingresses", "services", "endpointslices", "secrets"], everywhere=False)
    kube.apply(*here(kube, service("cart"), {**secured(), "spec": {**secured()["spec"], "tls": []}}))
    config = cluster.kubeconfig(user=READER)

    program = isoline("check", "--kubeconfig", config, "--watch-namespace", kube.namespace)

    classes = "ingressclasses.networking.k8s.io"
    told = FORBIDDEN.format(classes, "ingressclasses", GROUPS["ingressclasses"], "at the cluster scope")
    assert program.stdout[0] == f"API {classes}: Forbidden: {told}"
    assert program.stderr == ["2 objects in the cluster: 2 errors, 0 warnings"]


def test_explain_says_that_an_answer_may_be_another(isoline: Isoline, cluster: Cluster, kube: Client) -> None:
    """Where Secrets must not be read nobody knows whether there is a certificate."""
    grant(cluster, kube, WITHOUT_SECRETS, everywhere=True)
    kube.apply(*here(kube, secured(), service("cart")))
    config = cluster.kubeconfig(user=READER)

    program = isoline("explain", "https://a.example.com/", "--kubeconfig", config, "-o", "json")
    found = json.loads("\n".join(program.stdout))

    why = FORBIDDEN.format("secrets", "secrets", "", "at the cluster scope")
    assert (program.exit_code(), found["routed"], found["problems"]) == (1, False, [])
    assert found["doubts"] == [f"API secrets: Forbidden: {why}"]
