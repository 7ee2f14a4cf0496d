"""What the annotations of an Ingress do to its routes."""

import pytest
from google.protobuf.json_format import MessageToDict

from tests.stories.objects import ingress, path, rule, service
from tests.stories.world import Envoy, Kube

KUARD = service("kuard", (80, "http"))
PREFIX = "projectcontour.io/"
RETRY = {"retry_on": "5xx", "num_retries": 1}


def actions(envoy: Envoy, host: str) -> list[dict[str, object]]:
    """The action of each route of a host, without its cluster."""
    held = [MessageToDict(item.route, preserving_proto_field_name=True) for item in envoy.hosts[host].routes]
    return [{name: value for name, value in action.items() if name != "cluster"} for action in held]


@pytest.mark.parametrize(
    ("annotations", "meant"),
    [
        ({"response-timeout": "1m30.5s"}, {"timeout": "90.500s"}),
        ({"response-timeout": "infinity"}, {"timeout": "0s"}),
        ({"response-timeout": "0s"}, {}),
        ({"request-timeout": "2s"}, {"timeout": "2s"}),
        ({"request-timeout": "2s", "response-timeout": "3s"}, {"timeout": "3s"}),
        ({"retry-on": "5xx"}, {"retry_policy": RETRY}),
        (
            {"retry-on": " gateway-error, reset ", "num-retries": "3", "per-try-timeout": "150ms"},
            {
                "retry_policy": {
                    "retry_on": "gateway-error,reset",
                    "num_retries": 3,
                    "per_try_timeout": "0.150s",
                }
            },
        ),
        ({"retry-on": "5xx", "num-retries": "0"}, {"retry_policy": RETRY}),
        ({"retry-on": "5xx", "num-retries": "-1"}, {}),
        ({"num-retries": "5", "per-try-timeout": "1s"}, {}),
        ({"websocket-routes": "/"}, {"upgrade_configs": [{"upgrade_type": "websocket"}]}),
    ],
)
def test_an_annotation_changes_the_routes_of_its_ingress_alone(
    kube: Kube, envoy: Envoy, annotations: dict[str, str], meant: dict[str, object]
) -> None:
    """Another Ingress of the same host keeps its own."""
    named = {PREFIX + name: value for name, value in annotations.items()}
    kube.apply(
        ingress("web", to="kuard:80", annotations=named),
        ingress("other", rule("shop.example.com", path("/other", "kuard:80"))),
        KUARD,
    )

    assert actions(envoy, "shop.example.com") == [{}, meant]
    assert kube.problems == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response-timeout", "5"),
        ("response-timeout", "-5s"),
        ("response-timeout", "soon"),
        ("response-timeout", "999999999h"),
        ("response-timeout", "1ns"),
        ("num-retries", "-2"),
        ("num-retries", "many"),
        ("num-retries", "1.5"),
        ("per-try-timeout", "1"),
    ],
)
def test_an_unusable_value_is_told_and_the_default_holds(
    kube: Kube, envoy: Envoy, name: str, value: str
) -> None:
    """Nothing else of the Ingress is affected."""
    annotations = {PREFIX + "retry-on": "5xx", PREFIX + name: value}
    kube.apply(ingress("web", to="kuard:80", annotations=annotations), KUARD)

    assert actions(envoy, "shop.example.com") == [{"retry_policy": RETRY}]
    assert kube.reasons == [f"Ingress/default/web InvalidAnnotation metadata.annotations.{PREFIX}{name}"]


@pytest.mark.parametrize("value", ["", "sometimes", "5xx,never"])
def test_an_unknown_retry_condition_is_told_and_nothing_is_retried(
    kube: Kube, envoy: Envoy, value: str
) -> None:
    """Envoy would ignore it silently."""
    kube.apply(ingress("web", to="kuard:80", annotations={PREFIX + "retry-on": value}), KUARD)

    assert actions(envoy, "shop.example.com") == [{}]
    assert kube.reasons == [f"Ingress/default/web InvalidAnnotation metadata.annotations.{PREFIX}retry-on"]


def test_only_named_paths_may_become_websockets(kube: Kube, envoy: Envoy) -> None:
    """A path that no rule has is told."""
    annotations = {PREFIX + "websocket-routes": "/ws, /gone"}
    rules = rule("a.com", path("/ws", "kuard:80"), path("/", "kuard:80"))
    kube.apply(ingress("web", rules, annotations=annotations), KUARD)

    assert actions(envoy, "a.com") == [{"upgrade_configs": [{"upgrade_type": "websocket"}]}, {}]
    assert kube.reasons == [
        f"Ingress/default/web WebSocketPathNotFound metadata.annotations.{PREFIX}websocket-routes"
    ]
