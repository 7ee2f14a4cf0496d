"""Classes, annotations of Ingresses and Services, and external names, asked of a real Envoy."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import tls
from tests.support.backend import Backend
from tests.support.manifest import Folder, Object, endpoints, ingress, path, rule, served, service
from tests.support.own_address import own_address
from tests.support.up import Up

pytestmark = [pytest.mark.envoy, pytest.mark.process]

Apply = Callable[..., None]
StartBackend = Callable[..., Backend]

HOST = "shop.example.com"
CONTOUR = "projectcontour.io/"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One `isoline up` for this file, with external names."""
    folder = Folder(tmp_path_factory.mktemp("up") / "manifests").root
    with Up(folder, "--enable-external-name") as running:
        yield running
        assert running.admin.rejected() == {}


def web(*paths: Object, class_name: str = "", **annotations: str) -> Object:
    """An Ingress `web` for HOST; `rewrite_path` is `projectcontour.io/rewrite-path`."""
    named = {CONTOUR + name.replace("_", "-"): value for name, value in annotations.items()}
    item = ingress("web", rule(HOST, *paths), annotations=named)
    item["spec"] |= {"ingressClassName": class_name} if class_name else {}
    return item


def annotated(item: Object, **annotations: str) -> Object:
    """The object with these annotations of Contour's."""
    named = {CONTOUR + name.replace("_", "-"): value for name, value in annotations.items()}
    return item | {"metadata": item["metadata"] | {"annotations": named}}


def seen(up: Up, asked: str, *, http2: bool = False) -> str:
    """The path that the backend saw, or the status."""
    with httpx.Client(http1=not http2, http2=http2, trust_env=False, timeout=30.0) as client:
        target = {"target": asked.encode()}
        response = client.get(f"{up.url}/", headers={"host": HOST}, extensions=target)
    return str(response.json()["path"]) if response.status_code == 200 else str(response.status_code)


PREFIX_TO_ROOT = [
    ("/foo", "/"),
    ("/foo/", "/"),
    ("/foo/x", "/x"),
    ("/foo/x/?y=/foo", "/x/?y=/foo"),
    ("/foo?x=1", "/?x=1"),
    ("//foo//x", "/x"),
    ("/foobar", "404"),
]
ROWS: list[Any] = [
    (path("/foo", "a"), "/", PREFIX_TO_ROOT),
    (path("/foo", "a"), "/bar", [("/foo", "/bar"), ("/foo/", "/bar/"), ("/foo/x?y", "/bar/x?y")]),
    (path("/foo/", "a"), "/bar/", [("/foo", "/bar"), ("/foo/x", "/bar/x")]),
    (path("/", "a"), "/app", [("/", "/app/"), ("/x", "/app/x"), ("/?q", "/app/?q")]),
    (path("/foo", "a", kind="Exact"), "/bar/", [("/foo", "/bar/"), ("/foo?x", "/bar/?x"), ("/foo/", "404")]),
    (
        path("/foo", "a", kind="ImplementationSpecific"),
        "/",
        [("/foo", "/"), ("/foobar", "/bar"), ("/foo/x", "/x")],
    ),
    (path("/v[0-9]+", "a", kind="ImplementationSpecific"), "/bar", [("/v1", "/v1"), ("/v22?x", "/v22?x")]),
    (path("/foo", "a"), "no path", [("/foo/x", "/foo/x")]),
]


@pytest.mark.parametrize("protocol", ["HTTP/1.1", "HTTP/2"])
@pytest.mark.parametrize(
    "row", ROWS, ids=[f"{row[0]['path']} {row[0]['pathType']} to {row[1]}" for row in ROWS]
)
def test_rewrite_path_changes_what_the_backend_sees(
    up: Up, apply: Apply, backend: StartBackend, row: tuple[Object, str, list[tuple[str, str]]], protocol: str
) -> None:
    """One slash at the seam, the query as it was; a regex path and a value that is no path leave it alone."""
    written, to, rows = row
    apply(web(written, rewrite_path=to), *served("a", backend("a")))
    up.becomes("a", HOST, rows[0][0])

    assert [(asked, seen(up, asked, http2=protocol == "HTTP/2")) for asked, _ in rows] == rows


def test_an_ingress_that_leaves_its_class_loses_its_routes(
    up: Up, apply: Apply, backend: StartBackend
) -> None:
    """By `ingressClassName`, and by an IngressClass that changes hands."""
    objects = served("a", backend("a"))
    theirs = {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "edge"}}
    ours = theirs | {"spec": {"controller": "isoline.dev/ingress-controller"}}
    theirs = theirs | {"spec": {"controller": "example.com/other"}}
    apply(web(path("/", "a"), class_name="edge"), ours, *objects)
    up.becomes("a", HOST)

    apply(web(path("/", "a"), class_name="edge"), theirs, *objects)
    up.becomes("404", HOST)

    apply(web(path("/", "a"), class_name="isoline"), theirs, *objects)
    up.becomes("a", HOST)

    apply(web(path("/", "a"), class_name="nginx"), theirs, *objects)
    up.becomes("404", HOST)


def test_while_another_s_class_is_default_ingresses_without_class_are_not_ours(
    up: Up, apply: Apply, backend: StartBackend
) -> None:
    """They come back when it no longer is."""
    objects = served("a", backend("a"))
    default = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {
            "name": "other",
            "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"},
        },
        "spec": {"controller": "example.com/other"},
    }
    apply(web(path("/", "a")), *objects)
    up.becomes("a", HOST)

    apply(web(path("/", "a")), default, *objects)
    up.becomes("404", HOST)

    apply(web(path("/", "a")), *objects)
    up.becomes("a", HOST)


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        (("tls", ""), "HTTP/1.1"),
        (("h2", ""), "HTTP/2"),
        (("", "https"), "HTTP/1.1"),
        (("h2c", "https"), "HTTP/1.1"),
    ],
)
def test_a_backend_is_spoken_to_over_tls(
    up: Up, apply: Apply, start_tls: StartBackend, asked: tuple[str, str], spoken: str
) -> None:
    """Whoever signed its certificate; appProtocol comes before the annotation."""
    annotation, app_protocol = asked
    item, listed = served("a", start_tls("a", h2=spoken == "HTTP/2"), app_protocol=app_protocol)
    named = {f"upstream_protocol.{annotation}": "http"} if annotation else {}
    apply(web(path("/", "a")), annotated(item, **named), listed)
    up.becomes("a", HOST)

    assert up.get(HOST).json()["protocol"] == spoken


@pytest.fixture
def start_tls(backend: StartBackend, tmp_path: Path) -> StartBackend:
    """`start_tls(name, h2=False)` starts a backend that speaks TLS alone."""

    def start(name: str, *, h2: bool) -> Backend:
        return backend(name, h2c=h2, tls=tls.server(tmp_path, "h2" if h2 else "http/1.1"))

    return start


def test_h2c_by_annotation_and_back(up: Up, apply: Apply, backend: StartBackend) -> None:
    """The cluster keeps its name and changes in place."""
    item, listed = served("a", backend("a", h2c=True))
    apply(web(path("/", "a")), annotated(item, **{"upstream_protocol.h2c": "80"}), listed)
    up.becomes("a", HOST)

    assert up.get(HOST).json()["protocol"] == "HTTP/2"

    apply(web(path("/", "a")), *served("a", backend("a")))

    up.becomes("a", HOST)
    assert up.get(HOST).json()["protocol"] == "HTTP/1.1"


def test_a_circuit_breaker_refuses_what_is_too_much(up: Up, apply: Apply, backend: StartBackend) -> None:
    """`max-requests: 1` over HTTP/2: of two slow requests at a time one is refused with 503, not queued."""
    item, listed = served("a", backend("a", h2c=True), app_protocol="kubernetes.io/h2c")
    apply(web(path("/", "a")), annotated(item, max_requests="1"), listed)
    up.becomes("a", HOST)

    with httpx.Client(http1=False, http2=True, trust_env=False, timeout=30.0) as client:
        both = _at_once(client, up, 2)

    assert sorted(both) == [200, 503]


def _at_once(client: httpx.Client, up: Up, count: int) -> list[int]:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - here alone

    with ThreadPoolExecutor(count) as pool:
        asked = [pool.submit(client.get, f"{up.url}/slow", headers={"host": HOST}) for _ in range(count)]
        return [each.result().status_code for each in asked]


def test_an_external_name_leads_outside_and_never_to_this_machine(
    up: Up, apply: Apply, backend: StartBackend
) -> None:
    """By an address of this machine that is not loopback; `localhost` answers 503 and is told."""
    address = own_address()
    server = backend("a", address=address)
    apply(web(path("/", "a")), external(address, server.port))

    up.becomes("503", HOST)

    named = web(path("/", "a", server.port))
    apply(named, external(address, server.port))
    up.becomes("a", HOST)

    apply(named, external("localhost", server.port))
    up.becomes("503", HOST)
    up.program.said(r"^Service default/a: ExternalNameRefused: .*localhost")


def external(name: str, port: int) -> Object:
    """The Service `a` of type ExternalName."""
    spec = {"type": "ExternalName", "externalName": name, "ports": [{"name": "http", "port": port}]}
    return service("a") | {"spec": spec}


def test_without_endpoints_a_route_answers_503_and_its_neighbour_does_not(
    up: Up, apply: Apply, backend: StartBackend
) -> None:
    """Until there is one, and again when there is none; the cluster stays all the time."""
    server = backend("a")
    rest = [web(path("/", "a"), path("/b", "b")), service("a"), *served("b", backend("b"))]
    apply(*rest)
    up.becomes("b", HOST, "/b")

    for listed, answer in (((), "503"), ((server,), "a"), ((), "503")):
        apply(*rest, endpoints("a", *listed))
        up.becomes(answer, HOST)

    assert up.answers(HOST, "/b") == "b"
    assert "default/a/80" in up.admin.clusters()
