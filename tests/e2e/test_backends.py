"""What stands behind a route, asked of a real Envoy."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.backend import Backend
from tests.support.background import Background
from tests.support.load import Load
from tests.support.manifest import Object, endpoints, ingress, path, rule, served, service
from tests.support.up import Up

pytestmark = [pytest.mark.envoy, pytest.mark.process]

Apply = Callable[..., None]
StartBackend = Callable[..., Backend]

HOST = "shop.example.com"


def web(*paths: Object, **options: Any) -> Object:  # noqa: ANN401 - as ingress
    """An Ingress `web` for HOST."""
    return ingress("web", rule(HOST, *paths), **options)


def test_a_missing_service_answers_503_until_it_comes(up: Up, apply: Apply, backend: StartBackend) -> None:
    """The route stays, so that no shorter path takes it; the other routes are untouched; the user is told."""
    objects = served("a", backend("a"))
    ingress_ = web(path("/", "a"), path("/b", "b"))
    apply(ingress_, *objects)
    up.becomes("a", HOST)

    assert up.answers(HOST, "/b") == "503"
    up.program.said(r'^Ingress default/web: ServiceNotFound: .*"b"')

    apply(ingress_, *objects, *served("b", backend("b")))

    up.becomes("b", HOST, "/b")
    up.program.said(r"resolved: .*ServiceNotFound")


def test_a_missing_port_answers_503_and_is_told(up: Up, apply: Apply, backend: StartBackend) -> None:
    """By number and by name; a port is the Service's `port`, never its `targetPort`."""
    objects = served("a", backend("a"))
    apply(web(path("/", "a"), path("/number", "a", 81), path("/name", "a", "https")), *objects)
    up.becomes("a", HOST)

    assert (up.answers(HOST, "/number"), up.answers(HOST, "/name")) == ("503", "503")
    up.program.said(r"^Ingress default/web: \w+: .*81")
    up.program.said(r"^Ingress default/web: \w+: .*https")


def test_a_port_is_found_by_name_and_by_number(up: Up, apply: Apply, backend: StartBackend) -> None:
    """Both lead to the same endpoints."""
    apply(web(path("/", "a", 80), path("/name", "a", "http")), *served("a", backend("a")))

    up.becomes("a", HOST)
    up.becomes("a", HOST, "/name")


def test_without_ready_endpoints_a_route_answers_503_until_one_is_ready(
    up: Up, apply: Apply, backend: StartBackend
) -> None:
    """First no slice, then one that isn't ready, then a ready one, then none again."""
    server = backend("a")
    apply(web(path("/", "a")), service("a"))
    up.becomes("503", HOST)

    apply(web(path("/", "a")), service("a"), endpoints("a", server))
    up.becomes("a", HOST)

    apply(web(path("/", "a")), service("a"), endpoints("a", server, ready=False))
    up.becomes("503", HOST)


def test_endpoints_before_their_service_are_found_when_it_comes(
    up: Up, apply: Apply, backend: StartBackend
) -> None:
    """The order in which objects come does not matter."""
    server = backend("a")
    apply(endpoints("a", server))
    apply(endpoints("a", server), web(path("/", "a")))
    up.becomes("503", HOST)

    apply(endpoints("a", server), web(path("/", "a")), service("a"))

    up.becomes("a", HOST)


def test_endpoints_that_move_are_followed(up: Up, apply: Apply, backend: StartBackend) -> None:
    """The cluster stays; its load assignment changes."""
    first, second = backend("first"), backend("second")
    apply(web(path("/", "a")), *served("a", first))
    up.becomes("first", HOST)

    apply(web(path("/", "a")), *served("a", second))

    up.becomes("second", HOST)
    assert up.admin.endpoints()["default/a/80"] == {f"{second.address}:{second.port}"}


def test_an_h2c_service_is_spoken_to_in_http2(up: Up, apply: Apply, backend: StartBackend) -> None:
    """`appProtocol: kubernetes.io/h2c` on the port."""
    server = backend("a", h2c=True)
    apply(web(path("/", "a")), *served("a", server, app_protocol="kubernetes.io/h2c"))
    up.becomes("a", HOST)

    assert up.get(HOST).json()["protocol"] == "HTTP/2"


def test_a_backend_is_told_the_host_the_client_and_the_start(
    up: Up, apply: Apply, backend: StartBackend
) -> None:
    """The Host as the client sent it; headers with underscores are dropped; `x-request-start` is added."""
    apply(web(path("/", "a")), *served("a", backend("a")))
    up.becomes("a", HOST)

    said = up.get(HOST, "/x?y=1").json()

    assert (said["host"], said["path"]) == (HOST, "/x?y=1")
    assert said["headers"]["x-forwarded-proto"] == "http"
    assert said["headers"]["x-request-start"].startswith("t=")


def test_websockets_pass_where_they_are_asked_for(
    up: Up, apply: Apply, backend: StartBackend, background: Background
) -> None:
    """`projectcontour.io/websocket-routes` names the paths that may upgrade."""
    routes = {"projectcontour.io/websocket-routes": "/ws"}
    apply(web(path("/", "a"), path("/ws", "a"), annotations=routes), *served("a", backend("a")))
    up.becomes("a", HOST, "/ws")

    with Load(background, up.url, HOST, kinds=("websocket",)) as load:
        load.more(25)

    assert load.failures == []


def test_a_retry_policy_hides_a_first_failure(up: Up, apply: Apply, backend: StartBackend) -> None:
    """`projectcontour.io/retry-on: 5xx`; without it the same request is a 503."""
    apply(web(path("/", "a"), annotations={"projectcontour.io/retry-on": "5xx"}), *served("a", backend("a")))
    up.becomes("a", HOST)

    assert up.answers(HOST, "/flaky?1") == "a"

    apply(web(path("/", "a")), *served("a", backend("a")))
    up.becomes("503", HOST, "/status/503")
