"""deploy/: who may ask the Kubernetes API, and for what."""

import re

import pytest

from tests.deploy.container import ROOT
from tests.deploy.objects import Objects
from tests.deploy.plain import SERVICE_ACCOUNT
from tests.deploy.rendered import CLUSTER_WIDE, NAMESPACED, VARIANTS, rendered
from tests.deploy.rights import granted

LEASE = {
    "create leases.coordination.k8s.io in isoline",
    "get leases.coordination.k8s.io isoline in isoline",
    "update leases.coordination.k8s.io isoline in isoline",
}
# Of the objects in whatever namespaces are served.
SERVING = {
    "get ingresses.networking.k8s.io",
    "list ingresses.networking.k8s.io",
    "watch ingresses.networking.k8s.io",
    "list services",
    "watch services",
    "list secrets",
    "watch secrets",
    "list endpointslices.discovery.k8s.io",
    "watch endpointslices.discovery.k8s.io",
    "list tlscertificatedelegations.projectcontour.io",
    "watch tlscertificatedelegations.projectcontour.io",
    "patch ingresses.networking.k8s.io/status",
    "create events.events.k8s.io",
    "patch events.events.k8s.io",
}
RIGHTS = {
    CLUSTER_WIDE: LEASE
    | SERVING
    | {"list ingressclasses.networking.k8s.io", "watch ingressclasses.networking.k8s.io"},
    NAMESPACED: LEASE
    | {f"{right} in default" for right in SERVING}
    | {"list services isoline-envoy in isoline", "watch services isoline-envoy in isoline"},
}


def test_the_watcher_alone_has_credentials_of_the_kubernetes_api(objects: Objects) -> None:
    """No pod is given any by itself, and one container mounts a token, which ends after an hour."""
    accounts = objects.of("ServiceAccount")
    holders = [
        name
        for name, container in objects.containers().items()
        if any(mount["name"] == "kubernetes-api" for mount in container["volumeMounts"])
    ]
    volumes = [item for spec in objects.pod_specs() for item in spec["volumes"] if "projected" in item]

    assert {item["metadata"]["name"] for item in accounts} == {
        spec["serviceAccountName"] for spec in objects.pod_specs()
    }
    assert not any(item["automountServiceAccountToken"] for item in accounts)
    assert not any(spec["automountServiceAccountToken"] for spec in objects.pod_specs())
    assert holders == ["isoline-control-plane/watcher"]
    assert [volume["name"] for volume in volumes] == ["kubernetes-api"]
    assert volumes[0]["projected"]["sources"][0] == {
        "serviceAccountToken": {"path": "token", "expirationSeconds": 3607}
    }


def test_the_token_lies_where_a_client_looks_for_it_and_can_only_be_read(objects: Objects) -> None:
    """By its owner, who is the pod's user by its group."""
    mounts = objects.containers()["isoline-control-plane/watcher"]["volumeMounts"]
    volume = next(
        item for spec in objects.pod_specs() for item in spec["volumes"] if item["name"] == "kubernetes-api"
    )

    assert {"name": "kubernetes-api", "mountPath": SERVICE_ACCOUNT, "readOnly": True} in mounts
    assert volume["projected"]["defaultMode"] == 0o400


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_rights_are_these_and_no_other(variant: str) -> None:
    """No wildcard, no write to a Secret; and outside of watched namespaces only what is isoline's own."""
    assert set(granted(rendered(variant))) == RIGHTS[variant]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_right_is_the_control_planes_alone(variant: str) -> None:
    """Each role is bound, to one ServiceAccount."""
    objects = rendered(variant)
    bindings = objects.of("RoleBinding", "ClusterRoleBinding")
    account = {"kind": "ServiceAccount", "name": "isoline-control-plane", "namespace": "isoline"}

    assert {(item["roleRef"]["kind"], item["roleRef"]["name"]) for item in bindings} == {
        (role["kind"], role["metadata"]["name"]) for role in objects.of("Role", "ClusterRole")
    }
    assert all(item["subjects"] == [account] for item in bindings)


def test_the_namespaced_variant_has_nothing_outside_of_namespaces() -> None:
    """But the namespace that it is in."""
    objects = rendered(NAMESPACED)

    assert [item["kind"] for item in objects.items if "namespace" not in item["metadata"]] == ["Namespace"]


def test_a_namespace_is_watched_where_the_watcher_has_its_role() -> None:
    """The flag and the folders name the same."""
    objects = rendered(NAMESPACED)
    words = objects.containers()["isoline-control-plane/watcher"]["args"]
    roles = [item["metadata"] for item in objects.of("Role")]

    assert [word for word in words if word.startswith("--watch-namespace")] == ["--watch-namespace=default"]
    assert [role["namespace"] for role in roles if role["name"] == "isoline-control-plane"] == ["default"]


def test_the_variants_differ_in_rights_and_in_one_flag() -> None:
    """Everything else is the base of both."""
    wide, namespaced = (rendered(variant).containers() for variant in VARIANTS)
    watcher = "isoline-control-plane/watcher"

    assert [*wide[watcher]["args"], "--watch-namespace=default"] == namespaced[watcher]["args"]
    assert wide.keys() == namespaced.keys()


def test_an_ingress_may_name_the_class_that_comes_along(objects: Objects) -> None:
    """Its controller is ours."""
    (ingress_class,) = objects.of("IngressClass")

    assert ingress_class["metadata"]["name"] == "isoline"
    assert ingress_class["spec"] == {"controller": "isoline.dev/ingress-controller"}


def test_the_readme_says_what_each_right_is_for() -> None:
    """A row of its table for each resource, with the verbs."""
    text = (ROOT / "deploy/README.md").read_text()
    rows = re.findall(r"^\| `([\w./]+)`[^|]* \| ([a-z, ]+) \| [^|]+ \|$", text, re.MULTILINE)
    told = {f"{verb} {resource}" for resource, verbs in rows for verb in verbs.split(", ")}

    assert told == {f"{right.verb} {right.qualified}" for right in granted(rendered(CLUSTER_WIDE)).values()}
