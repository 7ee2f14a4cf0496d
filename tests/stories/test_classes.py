"""Whose an Ingress is: by its class, by IngressClass objects, by `--ingress-class`."""

from typing import Any

import pytest

from tests.stories.objects import Object, ingress, service
from tests.stories.world import Envoy, Kube

KUARD = service("kuard", (80, "http"))
OURS = ["shop.example.com"]
CONTROLLER = "isoline.dev/ingress-controller"


def ingress_class(name: str, controller: object = CONTROLLER, *, default: str = "") -> Object:
    """An IngressClass; `default` is the value of its annotation."""
    metadata: Object = {"name": name}
    metadata |= {"annotations": {"ingressclass.kubernetes.io/is-default-class": default}} if default else {}
    spec = {"controller": controller}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": metadata, "spec": spec}


def web(class_name: str | None = None, **annotations: str) -> Object:
    """An Ingress of that `ingressClassName`; `kubernetes` and `contour` are the two annotations."""
    names = {"kubernetes": "kubernetes.io/ingress.class", "contour": "projectcontour.io/ingress.class"}
    named = {names[name]: value for name, value in annotations.items()}
    return ingress("web", to="kuard:80", annotations=named, ingressClassName=class_name)


NGINX = ingress_class("nginx", "k8s.io/ingress-nginx")
ROWS: list[Any] = [
    (web(), OURS),
    (web("isoline"), OURS),
    (web("nginx"), []),
    (web("edge"), OURS),
    (web("unknown"), []),
    (web(kubernetes="isoline"), OURS),
    (web(kubernetes="edge"), OURS),
    (web(kubernetes="nginx"), []),
    (web(contour="isoline"), OURS),
    (web(contour="nginx"), []),
    (web("isoline", kubernetes="nginx"), []),
    (web("nginx", kubernetes="isoline"), OURS),
    (web("nginx", contour="isoline"), OURS),
    (web(kubernetes="nginx", contour="isoline"), OURS),
    (web(kubernetes="isoline", contour="nginx"), []),
    (web(kubernetes=""), OURS),
    (web("nginx", kubernetes="", contour=""), []),
    (web(kubernetes="isoline", contour=""), OURS),
]


@pytest.mark.parametrize(("item", "hosts"), ROWS)
def test_the_annotations_come_before_the_class_name_and_contour_s_first(
    kube: Kube, envoy: Envoy, item: Object, hosts: list[str]
) -> None:
    """Ours are no class, `isoline`, and classes whose IngressClass names our controller."""
    kube.apply(NGINX, ingress_class("edge"), item, KUARD)

    assert list(envoy.hosts) == hosts
    assert kube.problems == ()


@pytest.mark.parametrize("options", [{"ingress_class": ("blue", "green")}])
@pytest.mark.parametrize(
    ("item", "hosts"),
    [
        (web("blue"), OURS),
        (web("green"), OURS),
        (web(contour="green"), OURS),
        (web(), []),
        (web("isoline"), []),
        (web("edge"), []),
        (web("blue,green"), []),
        (web("Blue"), []),
    ],
)
def test_with_ingress_class_exactly_those_are_ours(
    kube: Kube, envoy: Envoy, item: Object, hosts: list[str]
) -> None:
    """`--ingress-class blue,green`: neither those without class nor those of our controller."""
    kube.apply(ingress_class("edge"), item, KUARD)

    assert list(envoy.hosts) == hosts
    assert kube.problems == ()


def test_while_another_controller_s_class_is_default_ingresses_without_class_are_not_ours(
    kube: Kube, envoy: Envoy
) -> None:
    """They are that controller's; one that says `isoline` stays ours."""
    kube.apply(web(), ingress("said", to="kuard:80", host="said.com", ingressClassName="isoline"), KUARD)

    assert list(envoy.hosts) == ["said.com", *OURS]

    kube.apply(ingress_class("nginx", "k8s.io/ingress-nginx", default="true"))

    assert list(envoy.hosts) == ["said.com"]

    kube.apply(NGINX)

    assert list(envoy.hosts) == ["said.com", *OURS]
    assert kube.problems == ()


@pytest.mark.parametrize(
    "default", [ingress_class("edge", default="true"), ingress_class("nginx", "x/y", default="false")]
)
def test_our_own_default_class_and_one_that_is_not_default_take_nothing_away(
    kube: Kube, envoy: Envoy, default: Object
) -> None:
    """Ingresses without class are ours."""
    kube.apply(web(), default, KUARD)

    assert list(envoy.hosts) == OURS


def test_an_ingress_that_leaves_the_class_loses_its_routes_and_its_status(kube: Kube, envoy: Envoy) -> None:
    """And comes back with them; what is wrong with it is nobody's while it is another's."""
    kube.apply(web("isoline"))

    assert list(envoy.hosts) == OURS
    assert len(kube.problems) == 1

    kube.apply(web("nginx"))

    assert envoy.hosts == envoy.clusters == envoy.endpoints == {}
    assert kube.problems == ()

    kube.apply(web("isoline"), KUARD)

    assert list(envoy.hosts) == OURS


def test_an_ingress_class_that_changes_hands_takes_its_ingresses_along(kube: Kube, envoy: Envoy) -> None:
    """It is read by its controller, and again when that changes or the object goes."""
    kube.apply(web("edge"), KUARD)
    seen = [list(envoy.hosts)]

    for controller in (CONTROLLER, "other/controller", CONTROLLER):
        kube.apply(ingress_class("edge", controller))
        seen.append(list(envoy.hosts))
    kube.delete("IngressClass//edge")

    assert [*seen, list(envoy.hosts)] == [[], OURS, [], OURS, []]
    assert kube.problems == ()


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (ingress_class("x", None), ["InvalidField spec.controller"]),
        (ingress_class("x", 7), ["InvalidField spec.controller"]),
        (ingress_class("x") | {"spec": []}, ["InvalidField spec"]),
        (
            ingress_class("x", default="yes"),
            ["InvalidAnnotation metadata.annotations.ingressclass.kubernetes.io/is-default-class"],
        ),
    ],
)
def test_a_broken_ingress_class_is_told_and_takes_nothing_away(
    kube: Kube, envoy: Envoy, broken: Object, told: list[str]
) -> None:
    """Ingresses without class stay ours; the object has no namespace."""
    kube.apply(web(), broken, KUARD)

    assert list(envoy.hosts) == OURS
    assert kube.reasons == [f"IngressClass//x {item}" for item in told]
