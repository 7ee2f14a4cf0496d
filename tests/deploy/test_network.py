"""deploy/: who finds whom, who may speak to whom, and that no port is in the way."""

import base64
import itertools

import yaml
from cryptography import x509

from tests.deploy.container import ROOT
from tests.deploy.objects import Object, Objects


def test_every_port_of_a_service_is_one_of_every_pod_behind_it(objects: Objects) -> None:
    """Under the same number, so that a command line names the port that it reaches."""
    pods = objects.pods()
    for service in objects.of("Service"):
        found = objects.selected(service["spec"]["selector"])
        assert found, service["metadata"]["name"]
        for pod, port in itertools.product(found, service["spec"]["ports"]):
            named = {
                item["name"]: item["containerPort"]
                for container in pods[pod]["spec"]["containers"]
                for item in container["ports"]
            }
            assert port["targetPort"] in named
            assert service["metadata"]["name"] == "isoline-envoy" or port["port"] == named[port["targetPort"]]


def test_no_two_containers_of_a_pod_listen_at_the_same_port(objects: Objects) -> None:
    """They share a network."""
    for spec in objects.pod_specs():
        ports = [port["containerPort"] for container in spec["containers"] for port in container["ports"]]

        assert len(ports) == len(set(ports))


def test_a_container_listens_at_the_ports_that_it_declares(objects: Objects) -> None:
    """Its command line binds them; Envoy's stand in its start file and in the translator's flags."""
    for name, container in objects.containers().items():
        bound = {
            int(word.rpartition(":")[2])
            for word in container["args"]
            if "=0.0.0.0:" in word or "//0.0.0.0:" in word
        }
        if not name.endswith("/envoy"):
            assert bound == {port["containerPort"] for port in container["ports"]}, name


def test_every_envoy_is_reached_at_the_ports_of_its_listeners(objects: Objects) -> None:
    """What the translator is told, and what the start file says."""
    ports = {
        port["name"]: port["containerPort"] for port in objects.containers()["isoline-envoy/envoy"]["ports"]
    }
    translator = objects.containers()["isoline-control-plane/translator"]["args"]
    stats = yaml.safe_load((ROOT / "deploy/base/bootstrap.yaml").read_text())["static_resources"][
        "listeners"
    ][0]

    assert ports == {"http": 8080, "https": 8443, "stats": 8002}
    assert {"--http-port=8080", "--https-port=8443"} <= set(translator)
    assert stats["address"]["socket_address"]["port_value"] == 8002


def test_the_translator_reads_the_rejections_of_every_xds_server(objects: Objects) -> None:
    """Of the one in its pod, and of each replica by its own name."""
    words = objects.containers()["isoline-control-plane/translator"]["args"]
    replicas = objects.named("StatefulSet", "isoline-xds-server")["spec"]["replicas"]

    assert replicas == 2
    assert [word for word in words if word.startswith("--rejections=")] == [
        "--rejections=ipc:///run/isoline/link/rejections",
        "--rejections=tcp://isoline-xds-server-0.isoline-xds-server:9003",
        "--rejections=tcp://isoline-xds-server-1.isoline-xds-server:9003",
    ]


def test_envoys_find_every_xds_server_behind_one_name(objects: Objects) -> None:
    """The one in the control plane's pod too."""
    service = objects.named("Service", "isoline-xds")

    assert sorted(objects.selected(service["spec"]["selector"])) == [
        "isoline-control-plane-0",
        "isoline-xds-server-0",
        "isoline-xds-server-1",
    ]


def test_who_connects_before_anybody_is_ready_finds_names_that_resolve(objects: Objects) -> None:
    """The order of starts never matters: a name of the link leads to pods that aren't ready yet."""
    early = {
        item["metadata"]["name"]: item["spec"].get("publishNotReadyAddresses", False)
        for item in objects.of("Service")
    }

    assert early == {
        "isoline-translator": True,
        "isoline-xds-server": True,
        "isoline-xds": False,
        "isoline-envoy": False,
    }


def test_the_network_lets_through_what_the_command_lines_need_and_nothing_else(objects: Objects) -> None:
    """From component to component and port; `*` is everybody."""
    allowed = {
        (source, policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"], port["port"])
        for policy in objects.of("NetworkPolicy")
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


def test_pods_may_connect_to_nobody_but_whom_they_need(objects: Objects) -> None:
    """An Envoy to everybody, since backends are everywhere; the control plane to the API server, which has
    no label.
    """
    egress = {
        item["metadata"]["name"]: item["spec"].get("egress", []) for item in objects.of("NetworkPolicy")
    }
    peers = {
        name: [
            (peer, port["port"])
            for rule in rules
            for port in rule["ports"]
            for peer in ([_component(peer) for peer in rule["to"]] if "to" in rule else ["*"])
        ]
        for name, rules in egress.items()
        if name in {"isoline-control-plane", "isoline-xds-server"}
    }

    assert objects.named("NetworkPolicy", "isoline-nothing-else")["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }
    assert peers == {
        "isoline-control-plane": [("xds-server", 9003), ("*", 443), ("*", 6443)],
        "isoline-xds-server": [("control-plane", 9002)],
    }
    assert egress["isoline-envoy"] == [{}]
    assert [port["port"] for port in egress["isoline-names"][0]["ports"]] == [53, 53]


def test_the_name_that_envoys_ask_for_stands_in_the_certificate(objects: Objects) -> None:
    """It is the Service's, and the only one that they accept."""
    text = (ROOT / "deploy/base/bootstrap.yaml").read_text()
    secret = next(item for item in objects.of("Secret") if item["metadata"]["name"].startswith("isoline-xds"))
    certificate = x509.load_pem_x509_certificate(base64.b64decode(secret["data"]["tls.crt"]))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert "exact: isoline-xds\n" in text
    assert "isoline-xds" in names.get_values_for_type(x509.DNSName)


def _component(peer: Object) -> str:
    return str(peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"])
