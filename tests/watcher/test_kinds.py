"""Which objects are read, and what is kept of them."""

from typing import Any

import pytest

from watcher.kinds import InvalidError, UnsupportedError, ignored_name, kind_of, reduced

BODY: dict[str, Any] = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}


def secret(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls"}, **fields}


def kept(body: dict[str, Any]) -> dict[str, Any] | None:
    kind = kind_of(body)
    found = reduced(kind, body) if kind else None
    return found[1] if found else None


IGNORED = {
    "Deployment.apps": {"apiVersion": "apps/v1", "kind": "Deployment"},
    "ConfigMap": {"apiVersion": "v1", "kind": "ConfigMap"},
    "Ingress.networking.example.com": {"apiVersion": "networking.example.com/v1", "kind": "Ingress"},
    "Secret of type Opaque": secret(data={"password": "eA=="}),
    "Secret of type kubernetes.io/dockerconfigjson": secret(type="kubernetes.io/dockerconfigjson"),
}


@pytest.mark.parametrize("name", IGNORED)
def test_what_nobody_reads_is_ignored_under_the_name_kubectl_gives_it(name: str) -> None:
    """`isoline check` says how many there are."""
    assert kept(IGNORED[name]) is None
    assert ignored_name(IGNORED[name]) == name


@pytest.mark.parametrize("version", ["extensions/v1beta1", "networking.k8s.io/v1beta1"])
def test_a_version_that_is_not_served_is_told(version: str) -> None:
    """The message names the version to write."""
    body = {"apiVersion": version, "kind": "Ingress", "metadata": {"name": "web"}}

    with pytest.raises(
        UnsupportedError, match=r"^Ingress web: .+ is not served; write .+networking.k8s.io/v1$"
    ):
        kind_of(body)


INVALID: dict[str, dict[str, Any]] = {
    "apiVersion: expected a string, found nothing": {"apiVersion": None},
    "kind: expected a string, found a number": {"kind": 7},
    "metadata: expected an object, found a list": {"metadata": []},
    "metadata.name: expected a string, found nothing": {"metadata": {}},
    "metadata.name: expected a string, found a number; write it in quotes": {"metadata": {"name": 8}},
    "metadata.name: 'Web' is no name that Kubernetes takes:"
    " up to 253 lower-case letters, digits, '-' and '.'": {"metadata": {"name": "Web"}},
    "metadata.namespace: 'a.b' is no name that Kubernetes takes:"
    " up to 63 lower-case letters, digits and '-'": {"metadata": {"name": "web", "namespace": "a.b"}},
}


@pytest.mark.parametrize("message", INVALID)
def test_what_an_api_server_would_refuse_is_told(message: str) -> None:
    """By its field, and by what was expected of it."""
    with pytest.raises(InvalidError) as caught:
        kept(BODY | INVALID[message])

    assert str(caught.value) == message


def test_only_what_is_read_is_kept() -> None:
    """A copy of the whole object in an annotation would double it, and hold a Secret's key. What nobody reads
    may change as often as it likes, and nothing is sent.
    """
    annotations = {"a": "b", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    metadata = {"name": "web", "uid": "u", "labels": {"a": "b"}, "annotations": annotations}
    port = {"name": "http", "port": 80, "targetPort": 8080}
    spec = {"clusterIP": "10.0.0.1", "type": "ClusterIP", "ports": [port]}

    assert kept(BODY | {"metadata": metadata, "spec": spec, "status": {"x": 1}}) == {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": "web", "namespace": "default", "annotations": {"a": "b"}, "uid": "u"},
        "spec": {"type": "ClusterIP", "ports": [{"name": "http", "port": 80}]},
    }


@pytest.mark.parametrize("spec", ["text", 7, [], {"ports": "text"}, {"ports": [7]}, {"ports": None}])
def test_what_is_of_another_type_than_it_should_be_is_kept_for_its_reader_to_tell(spec: Any) -> None:  # noqa: ANN401
    """With the field's name, as part of the object's status."""
    found = kept(BODY | {"spec": spec})

    assert found is not None
    assert found["spec"] == spec


def test_a_secret_is_its_type_and_its_two_keys() -> None:
    """`stringData` is folded in as an API server does; other keys are not for us."""
    found = kept(
        secret(type="kubernetes.io/tls", data={"tls.key": "Sw==", "x": "eA=="}, stringData={"tls.crt": "C"})
    )

    assert found is not None
    assert (found["type"], found["data"]) == ("kubernetes.io/tls", {"tls.key": "Sw==", "tls.crt": "Qw=="})


def test_an_endpoint_is_kept_without_who_stands_behind_it() -> None:
    """Pods' names change with each rollout, their addresses alone are served."""
    body = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web", "app": "web"}},
        "endpoints": [{"addresses": ["10.0.0.1"], "nodeName": "n", "targetRef": {"name": "p"}}],
    }
    found = kept(body)

    assert found is not None
    assert found["metadata"]["labels"] == {"kubernetes.io/service-name": "web"}
    assert found["endpoints"] == [{"addresses": ["10.0.0.1"]}]


def test_a_cluster_wide_kind_has_no_namespace() -> None:
    """Whatever its manifest says."""
    body = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": "isoline", "namespace": "x"},
    }
    kind = kind_of(body)

    assert kind is not None
    found = reduced(kind, body)
    assert found is not None
    assert found[0] == "IngressClass//isoline"
    assert found[1]["metadata"] == {"name": "isoline"}
