"""What is listed and watched."""

import pytest

from watcher.cluster.source import one_service, sources

TLS = {"fieldSelector": "type=kubernetes.io/tls"}
OPAQUE = {"fieldSelector": "type=Opaque"}


def test_a_whole_cluster_is_a_source_for_each_kind_and_two_for_secrets() -> None:
    """Of Secrets only those of the two types that can hold a certificate ever arrive (K15)."""
    assert [(each.path, dict(each.selector)) for each in sources()] == [
        ("/apis/networking.k8s.io/v1/ingresses", {}),
        ("/apis/networking.k8s.io/v1/ingressclasses", {}),
        ("/api/v1/services", {}),
        ("/apis/discovery.k8s.io/v1/endpointslices", {}),
        ("/api/v1/secrets", TLS),
        ("/api/v1/secrets", OPAQUE),
        ("/apis/projectcontour.io/v1/tlscertificatedelegations", {}),
    ]


def test_each_namespace_that_is_named_has_sources_of_its_own() -> None:
    """Kinds without a namespace have one."""
    assert [each.path for each in sources(["a", "b"])] == [
        "/apis/networking.k8s.io/v1/namespaces/a/ingresses",
        "/apis/networking.k8s.io/v1/namespaces/b/ingresses",
        "/apis/networking.k8s.io/v1/ingressclasses",
        "/api/v1/namespaces/a/services",
        "/api/v1/namespaces/b/services",
        "/apis/discovery.k8s.io/v1/namespaces/a/endpointslices",
        "/apis/discovery.k8s.io/v1/namespaces/b/endpointslices",
        "/api/v1/namespaces/a/secrets",
        "/api/v1/namespaces/a/secrets",
        "/api/v1/namespaces/b/secrets",
        "/api/v1/namespaces/b/secrets",
        "/apis/projectcontour.io/v1/namespaces/a/tlscertificatedelegations",
        "/apis/projectcontour.io/v1/namespaces/b/tlscertificatedelegations",
    ]


@pytest.mark.parametrize("namespaces", [[], ["a", "b"]])
def test_no_two_sources_have_one_name(namespaces: list[str]) -> None:
    """It is the origin of their rows."""
    names = [each.name for each in sources(namespaces)]

    assert len(set(names)) == len(names)


def test_a_source_is_named_as_rbac_names_its_resource() -> None:
    """Its reader is about to grant it."""
    assert [each.name for each in sources(["a"])] == [
        "ingresses.networking.k8s.io of namespace a",
        "ingressclasses.networking.k8s.io",
        "services of namespace a",
        "endpointslices.discovery.k8s.io of namespace a",
        "secrets of namespace a type=kubernetes.io/tls",
        "secrets of namespace a type=Opaque",
        "tlscertificatedelegations.projectcontour.io of namespace a",
    ]


def test_a_single_service_is_asked_for_by_name() -> None:
    """So that the right to read that one is enough."""
    found = one_service("edge", "envoy")

    assert (found.path, dict(found.selector)) == (
        "/api/v1/namespaces/edge/services",
        {"fieldSelector": "metadata.name=envoy"},
    )
