"""Where Envoy is reached by what its Service says, and what is not known while it says nothing."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.watcher.cluster.bodies import added, deleted, modified, service, whole
from watcher.cluster.report.envoy_service import EnvoyService

ADDRESS = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}


def envoy(version: int, **spec: object) -> dict[str, Any]:
    return {**service("envoy", version, namespace="edge"), "spec": {"type": "LoadBalancer", **spec}}


def following(*lines: bytes) -> EnvoyService:
    """These are listed."""
    made = EnvoyService("edge/envoy", lambda: 0.5)
    made.reflector.question(0.0)
    made.reflector.opened(0.0)
    made.reflector.feed(b"".join([*lines, whole(4)]), 0.0)
    return made


def test_before_the_service_is_read_its_addresses_are_not_known() -> None:
    assert EnvoyService("edge/envoy", lambda: 0.5).addresses() is None


@pytest.mark.parametrize(
    ("body", "addresses"),
    [
        (envoy(1) | {"status": ADDRESS}, ({"ip": "192.0.2.1"},)),
        (envoy(1, externalIPs=["192.0.2.2"]), ({"ip": "192.0.2.2"},)),
        (envoy(1), None),
        (envoy(1, type="ClusterIP"), ()),
        (envoy(1, type="NodePort", externalIPs=["192.0.2.2"]), ({"ip": "192.0.2.2"},)),
    ],
    ids=["a load balancer's", "external", "still to come", "none", "external of nodes"],
)
def test_the_addresses_are_those_of_the_service(body: dict[str, Any], addresses: object) -> None:
    assert following(added(body)).addresses() == addresses


def test_a_service_that_is_gone_is_told_once_and_its_addresses_are_not_known() -> None:
    """Not that there are none: then every status would be cleared, and every DNS record with it."""
    found = following(added(envoy(1) | {"status": ADDRESS}))
    assert found.addresses() == ({"ip": "192.0.2.1"},)

    with capture_logs() as lines:
        found.reflector.feed(deleted(envoy(5)), 0.0)
        gone = found.addresses(), found.addresses()
        found.reflector.feed(added(envoy(6)), 0.0)
        new = found.addresses(), found.addresses()
        found.reflector.feed(modified(envoy(7) | {"status": ADDRESS}), 0.0)

    assert (gone, new) == ((None, None), (None, None))
    assert [line["error"] for line in lines] == [
        "there is no such Service",
        "its load balancer has no address yet",
    ]
    assert found.addresses() == ({"ip": "192.0.2.1"},)
