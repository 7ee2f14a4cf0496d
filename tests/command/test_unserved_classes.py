"""A class that nobody serves is told by `isoline check`: its Ingress would be waited for in vain."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.program import Program
from translator.ingress.ingress_class import CONTROLLER

Isoline = Callable[..., Program]

TOLD = "Ingress default/web: warning: ClassNotServed: nobody here serves class"


DEFAULT = (
    "Ingress default/web: warning: ClassNotServed: it is not served here: it has no class, and the default "
    'IngressClass "nginx" is of controller "example.com/other"'
)


def ingress(class_name: object = "", annotation: object = "") -> dict[str, object]:
    """Without rules: its class is all that is asked about."""
    metadata: dict[str, object] = {"name": "web"}
    if annotation:
        metadata["annotations"] = {"projectcontour.io/ingress.class": annotation}
    spec = {"ingressClassName": class_name} if class_name else {}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def ingress_class(
    name: str, default: str = "false", controller: str = "example.com/other"
) -> dict[str, object]:
    """Of another controller's, unless it is ours."""
    metadata = {"name": name, "annotations": {"ingressclass.kubernetes.io/is-default-class": default}}
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass"}
    return {**kind, "metadata": metadata, "spec": {"controller": controller}}


@pytest.mark.parametrize(
    ("objects", "flags", "line"),
    [
        (
            [ingress("isolne")],
            [],
            f'{TOLD} "isolne": it is not ours, and no IngressClass; did you mean "isoline"?',
        ),
        ([ingress(annotation="nginx")], [], f'{TOLD} "nginx": it is not ours, and no IngressClass'),
        (
            [ingress("edge")],
            ["--ingress-class", "blue"],
            f'{TOLD} "edge": it is not ours, and no IngressClass',
        ),
        ([ingress("edge")], ["--ingress-class", "blue,edge"], ""),
        ([ingress("nginx"), ingress_class("nginx")], [], ""),
        ([ingress("isoline")], [], ""),
        ([ingress()], [], ""),
        ([ingress(), ingress_class("nginx", "true")], [], DEFAULT),
        ([ingress("isoline"), ingress_class("nginx", "true")], [], ""),
        ([ingress(), ingress_class("edge", "true", CONTROLLER)], [], ""),
    ],
)
def test_a_class_that_nobody_serves_is_a_warning(
    isoline: Isoline, tmp_path: Path, objects: list[dict[str, object]], flags: list[str], line: str
) -> None:
    """With what may have been meant; one of another controller's is that controller's."""
    (tmp_path / "web.yaml").write_text("\n---\n".join(json.dumps(item) for item in objects))

    with isoline("check", tmp_path, *flags) as program:
        assert program.exit_code() == 0

    shown = [told.partition(" (")[0] for told in program.stdout]
    assert shown == ([line] if line else [])


def test_a_class_that_is_no_string_is_none(isoline: Isoline, tmp_path: Path) -> None:
    """As for the translator, which tells the type; the Ingress is served."""
    (tmp_path / "web.json").write_text(json.dumps(ingress(annotation=5)))

    program = isoline("check", tmp_path)

    assert ["ClassNotServed" in line for line in program.stdout] == [False]
