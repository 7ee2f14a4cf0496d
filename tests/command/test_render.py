"""`isoline render`: what Envoy would hold, in its own words."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from isoline.rendered import redacted
from tests.command.test_check import CART, WEB
from tests.support.certificate import pair, secret
from tests.support.program import Program

Isoline = Callable[..., Program]
TYPES = ["listeners", "routes", "hosts", "clusters", "endpoints", "secrets"]
CLUSTER = {
    "name": "shop/cart/80",
    "type": "EDS",
    "eds_cluster_config": {
        "eds_config": {"ads": {}, "resource_api_version": "V3"},
        "service_name": "shop/cart/http",
    },
    "connect_timeout": "2s",
    "per_connection_buffer_limit_bytes": 32768,
}


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """One host that leads to a Service."""
    path = tmp_path / "web.yaml"
    path.write_text(WEB % "shop.example.com" + "---\n" + CART)
    return path


def shown(program: Program) -> dict[str, list[dict[str, object]]]:
    """Its stdout as JSON."""
    found: dict[str, list[dict[str, object]]] = json.loads("\n".join(program.stdout))
    return found


def test_json_is_one_object_with_a_list_for_each_type(isoline: Isoline, web: Path) -> None:
    """In Envoy's own names."""
    program = isoline("render", web, "-o", "json")

    assert program.exit_code() == 0
    found = shown(program)
    names = {type_: [item.get("name", item.get("cluster_name")) for item in found[type_]] for type_ in found}
    both = ["ingress_http", "ingress_https"]
    hosts, clusters, endpoints = ["ingress_http/shop.example.com"], ["shop/cart/80"], ["shop/cart/http"]
    assert list(names) == TYPES
    assert list(names.values()) == [both, both, hosts, clusters, endpoints, []]
    assert found["clusters"] == [CLUSTER]


def test_a_type_is_shown_alone(isoline: Isoline, web: Path) -> None:
    """The others are not there."""
    assert shown(isoline("render", web, "--type", "clusters", "-o", "json")) == {"clusters": [CLUSTER]}


def test_a_name_is_shown_alone(isoline: Isoline, web: Path) -> None:
    """After the paths."""
    found = shown(isoline("render", web, "shop/cart/80", "-o", "json"))

    assert found["clusters"] == [CLUSTER]
    assert [type_ for type_ in found if found[type_]] == ["clusters"]


def test_text_has_a_heading_for_each_resource(isoline: Isoline, web: Path) -> None:
    """Type and name, and below it the same as YAML."""
    lines = isoline("render", web, "--type", "clusters").stdout

    assert lines[:3] == ["clusters shop/cart/80", "  name: shop/cart/80", "  type: EDS"]


def test_a_name_that_is_not_there_is_exit_code_1(isoline: Isoline, web: Path) -> None:
    """It may be meant as a path, so both are named."""
    program = isoline("render", web, "shop/car/80")

    assert (program.exit_code(), program.stdout) == (1, [])
    assert program.stderr == [
        "isoline: shop/car/80: no such file, and no resource of that name; isoline render lists them"
    ]


def test_a_problem_is_told_on_stderr(isoline: Isoline, web: Path) -> None:
    """Stdout is the resources, which are what Envoy would hold with that problem."""
    web.write_text(WEB % "shop.example.com")

    program = isoline("render", web, "--type", "hosts", "-o", "json")

    assert program.exit_code() == 0
    assert "ServiceNotFound" in program.stderr[0]
    assert '"status": 503' in "\n".join(program.stdout)


def test_a_file_that_does_not_parse_is_exit_code_2(isoline: Isoline, web: Path) -> None:
    """The rest is shown."""
    web.with_name("bad.yaml").write_text("a: [")

    program = isoline("render", web.parent, "--type", "clusters", "-o", "json")

    assert program.exit_code() == 2
    assert shown(program) == {"clusters": [CLUSTER]}


def test_every_port_of_every_service_is_a_cluster_when_asked(isoline: Isoline, web: Path) -> None:
    """The flags of meaning are those of the translator."""
    found = shown(isoline("render", web, "--clusters", "all", "--type", "clusters", "-o", "json"))

    names = [item["name"] for item in found["clusters"]]
    assert names == ["shop/cart/80", "shop/cart/http", "shop/web/80", "shop/web/http"]


def test_a_private_key_is_never_shown() -> None:
    """Wherever it stands in a resource."""
    secret = {
        "tls_certificate": {"certificate_chain": {"inline_bytes": "Yw=="}, "private_key": {"a": "aw=="}}
    }

    shown = redacted({"name": "shop/web", "items": [secret], "password": {"inline_string": "x"}})

    certificate = {"certificate_chain": {"inline_bytes": "Yw=="}, "private_key": "<redacted>"}
    assert shown == {
        "name": "shop/web",
        "items": [{"tls_certificate": certificate}],
        "password": "<redacted>",
    }


def test_a_secret_is_shown_without_its_key(isoline: Isoline, web: Path) -> None:
    """With its certificate, which every client sees."""
    found = pair("shop.example.com", now=dt.datetime.now(dt.UTC))
    item = secret("web", found, namespace="shop")
    ingress = web.read_text().replace("spec:\n", "spec:\n  tls:\n  - secretName: web\n", 1)
    web.write_text(f"{ingress}---\n{json.dumps(item)}\n")

    program = isoline("render", web, "-o", "json")

    assert shown(program)["secrets"] == [
        {
            "name": "shop/web",
            "tls_certificate": {
                "certificate_chain": {"inline_bytes": item["data"]["tls.crt"]},
                "private_key": "<redacted>",
            },
        }
    ]
    assert item["data"]["tls.key"] not in "".join([*program.stdout, *program.stderr])


def test_the_default_certificate_is_a_flag_of_meaning(isoline: Isoline, web: Path) -> None:
    """Its Secret is missing here, which is told at it."""
    program = isoline("render", web, "--default-certificate", "shop/none", "--type", "secrets")

    assert program.exit_code() == 0
    assert program.stderr == [
        "Secret shop/none: SecretNotFound: there is no Secret shop/none with a certificate and a key"
    ]
