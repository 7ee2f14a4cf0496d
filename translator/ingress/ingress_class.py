"""Which Ingresses are ours: by their class, and by the IngressClass objects of the cluster.

Source: networking.k8s.io/v1, IngressSpec.ingressClassName and IngressClassSpec.controller.
"""

from collections.abc import Mapping
from typing import Any

from translator import unknown_annotation
from translator.derive import View
from translator.field import Field
from translator.ingress import annotation
from translator.problem import Problem

CONTROLLER = "isoline.dev/ingress-controller"
OURS = "isoline"

INDEX = "default classes"  # OTHERS → IngressClasses that are marked default and are not ours
OTHERS = "others"


def is_ours(view: View, annotations: Mapping[str, str], class_name: str | None) -> bool:
    """Whether an Ingress with these annotations and this `spec.ingressClassName` is ours.

    With `--ingress-class`: exactly those classes. Without: class `isoline`, one whose IngressClass names our
    controller, or no class at all, unless another controller's IngressClass is the default. An empty class is
    none (Contour's reading).
    """
    named = [annotations[each.name] for each in annotation.CLASSES if annotations.get(each.name)]
    class_ = named[-1] if named else class_name or None
    if view.settings.ingress_class:
        return class_ in view.settings.ingress_class
    if class_ is None:
        return view(classless_are_ours, "")
    return class_ == OURS or view(names_our_controller, class_)


def names_our_controller(view: View, name: str) -> bool:
    """Whether there is an IngressClass of that name, of our controller."""
    body = view.object(f"IngressClass//{name}")
    return body is not None and _controller(Field("", body, "", [])).value == CONTROLLER


def classless_are_ours(view: View, _key: str) -> bool:
    """Whether no other controller's IngressClass is marked default."""
    return not view.index(INDEX, OTHERS)


def others_default(body: dict[str, Any]) -> set[str]:
    """Where an IngressClass object stands in the index."""
    root = Field("", body, "", [])
    metadata = root["metadata"]["annotations"]
    is_default = annotation.IS_DEFAULT_CLASS.of(metadata.texts(), metadata)
    return {OTHERS} if is_default and _controller(root).value != CONTROLLER else set()


def problems(view: View, ref: str) -> tuple[Problem, ...]:
    """What is wrong with an IngressClass."""
    told: list[Problem] = []
    root = Field(ref, view.object(ref), "", told)
    spec = root["spec"]
    if spec.mapping(required=True):
        spec["controller"].text(required=True)
    place = root["metadata"]["annotations"]
    annotations = place.texts()
    annotation.IS_DEFAULT_CLASS.of(annotations, place)
    unknown_annotation.tell("IngressClass", annotations, place)
    return tuple(told)


def _controller(root: Field) -> Field:
    return root["spec"]["controller"]
