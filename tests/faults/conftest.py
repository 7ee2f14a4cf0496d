from collections.abc import Callable, Iterator

import pytest

from tests.support.backend import Backend
from tests.support.manifest import Folder, Object, ingress, path, rule, served
from tests.support.up import Up

HOST = "shop.example.com"
# What tests.support.load needs of a route: its 503 at the first try are retried, /ws may upgrade.
LOADED = {"projectcontour.io/retry-on": "5xx", "projectcontour.io/websocket-routes": "/ws,/"}


@pytest.fixture
def shop(folder: Folder, backend: Callable[..., Backend]) -> Callable[[str], None]:
    """`shop("b")` writes an Ingress for HOST that leads to Service `b`; Services `a` and `b` are there."""
    objects: list[Object] = [item for name in ("a", "b") for item in served(name, backend(name))]
    folder.write("services.yaml", *objects)

    def lead_to(service: str) -> None:
        routes = rule(HOST, path("/", service), path("/ws", service))
        folder.write("web.yaml", ingress("web", routes, annotations=LOADED))

    lead_to("a")
    return lead_to


@pytest.fixture
def up(folder: Folder, shop: Callable[[str], None]) -> Iterator[Up]:  # noqa: ARG001 - the folder is filled
    """`isoline up` on the shop, which Service `a` answers."""
    with Up(folder.root) as running:
        running.becomes("a", HOST)
        yield running
