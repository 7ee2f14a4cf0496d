"""Ingresses of a class that nobody serves, or another controller does, as far as these manifests tell.

`isoline check` and `isoline explain` alone look: an Ingress of another controller's is none of the
translator's business, and gets no status from it.
"""

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import orjson

from isoline.problem import Told
from runtime.link.row import Row
from translator import reasons
from translator.ingress.annotation import CLASSES
from translator.ingress.ingress_class import CONTROLLER, OURS, others_default
from translator.problem import Problem
from translator.unread import API

KIND = "IngressClass/"
CLASSES_UNREAD = f"{API}//ingressclasses.networking.k8s.io"


def unserved(rows: Mapping[str, Row], ours: Collection[str]) -> Iterator[Told]:
    """A warning for each Ingress among `rows` whose class is none of `ours` and no IngressClass object's; and
    for each without class that belongs to another controller, whose IngressClass is the default.

    `ours` are those of `--ingress-class`; without any it is `isoline`. Where IngressClasses must not be read
    nobody knows.
    """
    if CLASSES_UNREAD in rows:
        return
    there = {key.rpartition("/")[2] for key in rows if key.startswith(KIND)}
    known = there | set(ours or (OURS,))
    default = "" if ours else _default_of_others(rows)
    for ref, row in rows.items():
        if ref.startswith("Ingress/"):
            body = orjson.loads(row.body)
            written, field = _class(body)
            message = ""
            if written and written not in known:
                near = difflib.get_close_matches(written, known, n=1)
                hint = f'; did you mean "{near[0]}"?' if near else ""
                message = f'nobody here serves class "{written}": it is not ours, and no IngressClass{hint}'
            elif not written and default:
                message = f"it is not served here: {default}"
            if message:
                problem = Problem.of(ref, reasons.CLASS_NOT_SERVED, message, field)
                yield Told(ref, problem.as_json(), body.get("source") or {})


def why_not_ours(rows: Mapping[str, Row], ours: Collection[str], body: Mapping[str, Any]) -> str:
    """Why an Ingress is not served, by its class; empty when it is ours."""
    written, _ = _class(body)
    if ours:
        shown = f'its class is "{written}"' if written else "it has no class"
        return "" if written in ours else f"{shown}, and --ingress-class names others"
    if not written:
        return _default_of_others(rows)
    row = rows.get(f"{KIND}/{written}")
    if written == OURS or (row is not None and _controller(orjson.loads(row.body)) == CONTROLLER):
        return ""
    return f'its class is "{written}", which is not ours'


def _default_of_others(rows: Mapping[str, Row]) -> str:
    """What takes Ingresses without class from us, in words; empty when nothing does."""
    for key, row in rows.items():
        if key.startswith(KIND) and others_default(body := orjson.loads(row.body)):
            name = key.rpartition("/")[2]
            return (
                f'it has no class, and the default IngressClass "{name}" is of controller'
                f' "{_controller(body)}"'
            )
    return ""


def _controller(body: Mapping[str, Any]) -> str:
    return _text(_mapping(body.get("spec")).get("controller"))


def _class(body: Mapping[str, Any]) -> tuple[str, str]:
    """The class of an Ingress, "" for none, and the field that says so. What is no string is none, as for the
    translator.
    """
    annotations = _mapping(_mapping(body.get("metadata")).get("annotations"))
    for each in reversed(CLASSES):
        if written := _text(annotations.get(each.name)):
            return written, f"metadata.annotations.{each.name}"
    return _text(_mapping(body.get("spec")).get("ingressClassName")), "spec.ingressClassName"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
