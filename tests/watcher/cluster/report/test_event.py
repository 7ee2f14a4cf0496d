from dataclasses import replace

import pytest

from watcher.cluster.report.event import Event, Regarding
from watcher.cluster.report.request import MERGE_PATCH, Request

WEB = Regarding("networking.k8s.io/v1", "Ingress", "shop", "web", "u-1")
EVENT = Event(WEB, "Warning", "ServiceNotFound", "there is no Service shop/api", "spec.rules[0]")
# 2026-11-25T01:00:00Z
WALL = 1_795_568_400_000_000
NAME = "web.c40274e2e4f55e3d"


def test_an_event_says_what_where_and_by_whom() -> None:
    assert EVENT.create("node-1_ab", WALL) == Request(
        "POST",
        "/apis/events.k8s.io/v1/namespaces/shop/events",
        {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"namespace": "shop", "name": NAME},
            "eventTime": "2026-11-25T01:00:00.000000Z",
            "type": "Warning",
            "reason": "ServiceNotFound",
            "action": "Translate",
            "note": "spec.rules[0]: there is no Service shop/api",
            "reportingController": "isoline.dev/ingress-controller",
            "reportingInstance": "node-1_ab",
            "regarding": {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "Ingress",
                "name": "web",
                "uid": "u-1",
                "namespace": "shop",
            },
        },
    )


def test_what_is_told_again_is_a_series() -> None:
    assert EVENT.repeat(3, WALL) == Request(
        "PATCH",
        f"/apis/events.k8s.io/v1/namespaces/shop/events/{NAME}",
        {"series": {"count": 3, "lastObservedTime": "2026-11-25T01:00:00.000000Z"}},
        content_type=MERGE_PATCH,
    )


def test_an_object_of_the_cluster_has_its_events_in_the_namespace_default() -> None:
    class_ = Regarding("networking.k8s.io/v1", "IngressClass", "", "isoline", "u-2")

    request = replace(EVENT, regarding=class_).create("us", WALL)

    assert request.path == "/apis/events.k8s.io/v1/namespaces/default/events"
    assert isinstance(request.body, dict)
    assert request.body["regarding"] == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "name": "isoline",
        "uid": "u-2",
    }


@pytest.mark.parametrize(
    "other",
    [
        replace(EVENT, reason="PortNotFound"),
        replace(EVENT, message="there is no Service shop/app"),
        replace(EVENT, field="spec.rules[1]"),
        replace(EVENT, field="", message="spec.rules[0]: there is no Service shop/api"),
        replace(EVENT, regarding=replace(WEB, uid="u-2")),
    ],
    ids=["reason", "message", "field", "no field", "another object of the name"],
)
def test_another_thing_has_another_name(other: Event) -> None:
    assert other.name != EVENT.name


@pytest.mark.parametrize(
    ("name", "kept"), [("x" * 300, "x" * 236), ("x" * 235 + ".example", "x" * 235), ("a-b.c", "a-b.c")]
)
def test_a_name_is_one_that_an_api_server_takes(name: str, kept: str) -> None:
    event = replace(EVENT, regarding=replace(WEB, name=name))

    assert event.name.rpartition(".")[0] == kept
    assert len(event.name) <= 253


@pytest.mark.parametrize(
    ("message", "note"),
    [
        ("x" * 1024, "x" * 1024),
        ("x" * 1025, "x" * 1021 + "…"),
        ("ü" * 512, "ü" * 512),
        ("ü" * 513, "ü" * 510 + "…"),
        ("x" + "€" * 400, "x" + "€" * 340 + "…"),
    ],
)
def test_a_note_is_cut_at_a_character_before_it_is_too_long(message: str, note: str) -> None:
    request = replace(EVENT, message=message, field="").create("us", WALL)

    assert isinstance(request.body, dict)
    assert request.body["note"] == note
    assert len(note.encode()) <= 1024
