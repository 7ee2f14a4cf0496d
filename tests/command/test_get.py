"""`isoline get`: what a running xDS server gives an Envoy."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from envoy.config.core.v3 import base_pb2
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from runtime.link.row import Row
from tests.stories.objects import ingress, service, slice_
from tests.stories.world import Core, Kube
from tests.support.background import Background
from tests.support.port import free_port
from tests.support.program import Program
from tests.xds.serving import Serving
from translator.settings import Settings

pytestmark = pytest.mark.process

Isoline = Callable[..., Program]
KEY = "a private key that nobody may read"
NOBODY = "nobody answers; is an xDS server there, and does --xds-tls fit it?"
CLUSTER = {
    "name": "default/kuard/80",
    "type": "EDS",
    "eds_cluster_config": {
        "eds_config": {"ads": {}, "resource_api_version": "V3"},
        "service_name": "default/kuard",
    },
    "connect_timeout": "2s",
    "per_connection_buffer_limit_bytes": 32768,
}


def secret(name: str) -> Row:
    """A Secret with a marked key."""
    message = Secret(name=name)
    message.tls_certificate.certificate_chain.CopyFrom(base_pb2.DataSource(inline_bytes=b"certificate"))
    message.tls_certificate.private_key.CopyFrom(base_pb2.DataSource(inline_bytes=KEY.encode()))
    return Row.of(message.SerializeToString())


def resources(hosts: int = 1) -> dict[str, Row]:
    """What a translator makes of so many hosts."""
    core = Core(Settings())
    listed = [ingress(f"web-{at}", to="kuard:80", host=f"h{at}.example.com") for at in range(hosts)]
    Kube(core).apply(*listed, service("kuard", 80), slice_("kuard", 8080, "10.0.0.1"))
    return core.rows


@pytest.fixture
def xds(background: Background) -> Iterator[Serving]:
    """A server with one host and one Secret, at a socket and in clear at a port."""
    with Serving(background) as serving:
        serving.put(resources(), {"secrets/shop/web": secret("shop/web")})
        yield serving


def shown(program: Program) -> dict[str, list[dict[str, object]]]:
    """Its stdout as JSON."""
    found: dict[str, list[dict[str, object]]] = json.loads("\n".join(program.stdout))
    return found


@pytest.mark.parametrize(
    ("type_", "names"),
    [
        ("listeners", ["ingress_http", "ingress_https"]),
        ("routes", ["ingress_http", "ingress_https"]),
        ("hosts", ["ingress_http/h0.example.com"]),
        ("clusters", ["default/kuard/80"]),
        ("endpoints", ["default/kuard"]),
        ("secrets", ["shop/web"]),
    ],
)
def test_every_type_is_listed_as_render_does(
    isoline: Isoline, xds: Serving, type_: str, names: list[str]
) -> None:
    """One object with a list for the type."""
    program = isoline("get", type_, "--xds", xds.address, "-o", "json")

    assert program.exit_code() == 0
    assert list(shown(program)) == [type_]
    assert [item.get("name", item.get("cluster_name")) for item in shown(program)[type_]] == names


def test_a_name_is_shown_alone(isoline: Isoline, xds: Serving) -> None:
    """In Envoy's own names; as text below a heading."""
    words = ["get", "clusters", "default/kuard/80", "--xds", xds.address]

    assert shown(isoline(*words, "-o", "json")) == {"clusters": [CLUSTER]}
    assert isoline(*words).stdout[:2] == ["clusters default/kuard/80", "  name: default/kuard/80"]


@pytest.mark.parametrize("type_", ["hosts", "clusters", "endpoints", "secrets"])
def test_a_name_that_is_not_there_is_exit_code_1(isoline: Isoline, xds: Serving, type_: str) -> None:
    """Said at once: an xDS server answers also what there isn't."""
    program = isoline("get", type_, "nothing", "--xds", xds.address)

    assert (program.exit_code(), program.stdout) == (1, [])
    assert program.stderr == [f"isoline: nothing: there are no {type_} of that name"]


def test_a_private_key_is_redacted(isoline: Isoline, xds: Serving) -> None:
    """Its certificate is not."""
    program = isoline("get", "secrets", "--xds", xds.address, "-o", "json")

    certificate = shown(program)["secrets"][0]["tls_certificate"]
    assert certificate == {
        "certificate_chain": {"inline_bytes": "Y2VydGlmaWNhdGU="},
        "private_key": "<redacted>",
    }


def test_more_than_fits_into_one_response_is_listed_whole(isoline: Isoline, background: Background) -> None:
    """20,000 hosts are several responses of 2 MiB, and nothing in them says how many there will be."""
    with Serving(background) as serving:
        host = resources()["hosts/ingress_http/h0.example.com"].body
        many = {f"hosts/ingress_http/h{at}": Row.of(host) for at in range(20_000)}
        serving.put(resources(), many)

        found = isoline("get", "hosts", "--xds", serving.address, "-o", "json")

    assert len(shown(found)["hosts"]) == 20_001


def test_secrets_over_a_connection_in_clear_are_withheld(isoline: Isoline, background: Background) -> None:
    """By the server; stderr says so, since an empty list would look like an answer."""
    address = f"127.0.0.1:{free_port()}"
    with Serving(background, listen=[address]) as serving:
        serving.put(resources(), {"secrets/shop/web": secret("shop/web")})

        program = isoline("get", "secrets", "--xds", address, "-o", "json")

    assert (program.exit_code(), shown(program)) == (0, {"secrets": []})
    assert program.stderr == [
        "isoline: Secrets are served over unix sockets and mTLS only; this connection is in clear"
    ]


def test_mtls_shows_our_certificate_and_is_given_secrets(
    isoline: Isoline, background: Background, tmp_path: Path
) -> None:
    """With the files that certgen makes for an Envoy; without them nobody answers."""
    assert isoline("certgen", tmp_path / "certs", "--name", "127.0.0.1").exit_code() == 0
    address = f"127.0.0.1:{free_port()}"
    flags = ["--xds-tls", tmp_path / "certs" / "xds-server", "--xds-listen", address]
    with Serving(background, *flags) as serving:
        serving.put(resources(), {"secrets/shop/web": secret("shop/web")})

        words = ["get", "secrets", "--xds", address, "-o", "json"]
        found = isoline(*words, "--xds-tls", tmp_path / "certs" / "envoy")
        refused = isoline(*words)

    assert [item["name"] for item in shown(found)["secrets"]] == ["shop/web"]
    assert (refused.exit_code(), refused.stderr) == (3, [f"isoline: {address}: {NOBODY}"])


def test_a_server_without_a_table_is_exit_code_3(isoline: Isoline, background: Background) -> None:
    """It answers nobody before its first whole table; five seconds are enough to know."""
    with Serving(background) as serving:
        program = isoline("get", "clusters", "--xds", serving.address)

    assert program.exit_code() == 3
    said = f"{serving.address}: no answer within 5 s; is an xDS server there, and has it synced?"
    assert program.stderr == [f"isoline: {said}"]


@pytest.mark.parametrize("address", ["127.0.0.1:1", "unix:/nowhere/xds"])
def test_nobody_at_the_address_is_exit_code_3(isoline: Isoline, address: str) -> None:
    """In one line."""
    program = isoline("get", "clusters", "--xds", address)

    assert (program.exit_code(), program.stderr) == (3, [f"isoline: {address}: {NOBODY}"])


def test_explain_asks_for_what_it_needs_and_no_more(isoline: Isoline, xds: Serving) -> None:
    """Of a running system: the same answer as from files, but for the place of the object."""
    program = isoline("explain", "http://h0.example.com/x", "--xds", xds.address)

    assert program.exit_code() == 0
    assert program.stdout == [
        "GET http://h0.example.com/x",
        "  listener  ingress_http (0.0.0.0:8080)",
        "  host      ingress_http/h0.example.com",
        "  route     1 of 1: prefix /",
        "  object    Ingress default/web-0",
        "  cluster   default/kuard/80",
        "  endpoints 10.0.0.1:8080",
        "  answer    forwarded to default/kuard/80",
    ]
