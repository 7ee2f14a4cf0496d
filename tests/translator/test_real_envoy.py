"""The meaning of hosts and paths, asked of a real Envoy with real requests."""

import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.stories.objects import ingress, path, rule, service
from tests.stories.world import Core, Kube
from tests.support.deadline import wait_until
from tests.support.port import free_port
from tests.support.program import Program
from tests.translator.real_envoy import BINARY, refusal, serving
from translator.settings import Settings

REFUSED = (ConnectionError, ssl.SSLError)
pytestmark = pytest.mark.envoy

SERVICES = "exact slash foo bar string regex root wild known deeper rest default".split()  # noqa: SIM905
OBJECTS = (
    ingress(
        "paths",
        rule(
            "paths.com",
            path("/exact", "exact:80", "Exact"),
            path("/exact/slash/", "slash:80", "Exact"),
            path("/foo", "foo:80"),
            path("/foo/bar/", "bar:80"),
            path("/string", "string:80", "ImplementationSpecific"),
            path("/v[0-9]+", "regex:80", "ImplementationSpecific"),
            path("/v1", "exact:80", "Exact"),
        ),
    ),
    ingress("root", rule("root.com", path("/", "root:80"))),
    ingress("wild", rule("*.foo.com", path("/", "wild:80")), rule("*.only.com", path("/only", "wild:80"))),
    ingress(
        "exact", rule("known.foo.com", path("/", "known:80")), rule("*.b.foo.com", path("/", "deeper:80"))
    ),
    ingress("rest", rule("", path("/rest", "rest:80")), default="default:80"),
    *(service(name, 80) for name in SERVICES),
)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A real Envoy with these objects; HTTPS is on the next port."""
    world = Core(Settings())
    Kube(world).apply(*OBJECTS)
    port = free_port()
    start: Path = tmp_path_factory.mktemp("envoy") / "start.pb"
    start.write_bytes(serving(dict(world.resources()), port))
    with Program([BINARY, "-c", start, "--use-dynamic-base-id", "-l", "error"]) as run:
        wait_until(lambda: _listens(port), "Envoy listens", of=[run])
        yield port


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def ask(port: int, host: str, path_: str) -> str:
    """The Service that a request would go to, or the status."""
    connection = HTTPConnection("127.0.0.1", port)
    connection.putrequest("GET", path_, skip_host=True)
    connection.putheader("Host", host)
    connection.endheaders()
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return body.split("/")[1] if response.status == 200 else str(response.status)


@pytest.mark.parametrize(
    ("path_", "answer"),
    [
        ("/exact", "exact"),
        ("/exact?query=/foo", "exact"),
        ("/exact/", "404"),
        ("/exact/slash/", "slash"),
        ("/exact/slash", "404"),
        ("/foo", "foo"),
        ("/foo/", "foo"),
        ("/foo?x", "foo"),
        ("/foo/other", "foo"),
        ("/foo/bar", "bar"),
        ("/foo/bar/baz", "bar"),
        ("/foo/barbaz", "foo"),
        ("/foobar", "404"),
        ("/FOO", "404"),
        ("//foo", "foo"),
        ("/x/../foo", "foo"),
        ("/string", "string"),
        ("/strings", "string"),
        ("/v2", "regex"),
        ("/v2/x", "404"),
        ("/v1", "exact"),
        ("/v", "404"),
        ("/", "404"),
        ("/x%2Ffoo", "307"),
    ],
)
def test_a_path_leads_to_the_service_of_its_rule(port: int, path_: str, answer: str) -> None:
    """Exact as written, Prefix by element, strings and regular expressions where asked for."""
    assert ask(port, "paths.com", path_) == answer


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("root.com", "root"),
        ("ROOT.com", "root"),
        ("root.com:1234", "root"),
        ("root.com.", "root"),
        ("unknown.com", "default"),
        ("foo.com", "default"),
        ("a.foo.com", "wild"),
        ("A.Foo.COM", "wild"),
        ("a.foo.com:9", "wild"),
        ("a_b.foo.com", "wild"),
        ("known.foo.com", "known"),
        ("a.known.foo.com", "default"),
        ("a.a.foo.com", "default"),
        ("x.b.foo.com", "deeper"),
        ("b.foo.com", "wild"),
        ("x.y.b.foo.com", "default"),
        ("a.only.com", "404"),
        ("a.a.only.com", "default"),
    ],
)
def test_a_host_leads_to_the_service_of_its_rule(port: int, host: str, answer: str) -> None:
    """Case and port do not matter; a wildcard takes one label, and more go on as if it were not there."""
    assert ask(port, host, "/") == answer


@pytest.mark.parametrize(
    ("host", "path_", "answer"),
    [
        ("paths.com", "/rest", "404"),
        ("a.only.com", "/rest", "404"),
        ("a.only.com", "/only/x", "wild"),
        ("a.a.only.com", "/only", "default"),
        ("a.a.only.com", "/rest/x", "rest"),
        ("10.0.0.1", "/rest", "rest"),
    ],
)
def test_rules_without_host_do_not_catch_unknown_paths_of_known_hosts(
    port: int, host: str, path_: str, answer: str
) -> None:
    """A host with more labels than a wildcard has is no known host."""
    assert ask(port, host, path_) == answer


@pytest.mark.parametrize("name", ["root.com", "unknown.com", ""])
def test_every_handshake_is_refused_while_no_host_has_tls(port: int, name: str) -> None:
    """The port is there, and the connection ends at once."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port + 1), timeout=5) as connection, pytest.raises(REFUSED):
        context.wrap_socket(connection, server_hostname=name or None)


def test_the_judge_sees_what_envoy_refuses(tmp_path: Path) -> None:
    """A refusal that nobody could see would prove nothing."""
    good = Core(Settings()).rows["routes/ingress_http"].body

    assert refusal([("routes/a", good), ("routes/b", good)], tmp_path) == ""
    assert "RouteConfiguration" in refusal([("routes/a", good), ("routes/b", b"\x12\x00")], tmp_path)
