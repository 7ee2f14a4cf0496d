"""Ingresses of a class that nobody serves, as far as these manifests tell: `isoline check` alone looks.

An Ingress of another controller's is none of the translator's business, and gets no status from it.
"""

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import orjson

from isoline.problem import Told
from runtime.link.row import Row
from translator import reasons
from translator.ingress.annotation import CLASSES
from translator.ingress.ingress_class import OURS
from translator.problem import Problem


def unserved(rows: Mapping[str, Row], ours: Collection[str]) -> Iterator[Told]:
    """A warning for each Ingress among `rows` whose class is none of `ours` and no IngressClass object's.

    `ours` are those of `--ingress-class`; without any it is `isoline`.
    """
    there = {key.rpartition("/")[2] for key in rows if key.startswith("IngressClass/")}
    known = there | set(ours or (OURS,))
    for ref, row in rows.items():
        if ref.startswith("Ingress/"):
            body = orjson.loads(row.body)
            written, field = _class(body)
            if written and written not in known:
                near = difflib.get_close_matches(written, known, n=1)
                hint = f'; did you mean "{near[0]}"?' if near else ""
                message = f'nobody here serves class "{written}": it is not ours, and no IngressClass{hint}'
                problem = Problem.of(ref, reasons.CLASS_NOT_SERVED, message, field)
                yield Told(ref, problem.as_json(), body.get("source") or {})


def _class(body: Mapping[str, Any]) -> tuple[str, str]:
    """The class of an Ingress, "" for none, and the field that says so."""
    metadata, spec = (
        part if isinstance(part, dict) else {} for part in (body.get("metadata"), body.get("spec"))
    )
    annotations = metadata.get("annotations")
    for each in reversed(CLASSES):
        if isinstance(annotations, dict) and (written := annotations.get(each.name)):
            return str(written), f"metadata.annotations.{each.name}"
    return str(spec.get("ingressClassName") or ""), "spec.ingressClassName"
