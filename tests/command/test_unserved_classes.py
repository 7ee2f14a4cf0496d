"""A class that nobody serves is told by `isoline check`: its Ingress would be waited for in vain."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.program import Program

Isoline = Callable[..., Program]

TOLD = "Ingress default/web: warning: ClassNotServed: nobody here serves class"


def ingress(class_name: str = "", annotation: str = "") -> dict[str, object]:
    """Without rules: its class is all that is asked about."""
    metadata: dict[str, object] = {"name": "web"}
    if annotation:
        metadata["annotations"] = {"projectcontour.io/ingress.class": annotation}
    spec = {"ingressClassName": class_name} if class_name else {}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def ingress_class(name: str) -> dict[str, object]:
    """Of another controller's."""
    meta = {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": name}}
    return {**meta, "spec": {"controller": "example.com/other"}}


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
