"""What an object's owner is told: its problems, and how many of its routes are served."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson

from runtime.link.row import Row
from translator import names, reasons
from translator.derive import View
from translator.ingress import ingress_class
from translator.ingress.routes import ingress
from translator.ports import service
from translator.problem import Problem
from translator.slices import slice_
from translator.virtual_host import conflicts, served

REJECTIONS = "rejections"  # resource of a host, or Service → rejections
REJECTION = "Rejection"


def ingress_status(view: View, ref: str) -> Row | None:
    """The status of an Ingress; None when it is not ours."""
    found = view(ingress, ref)
    if not found.ours:
        return None
    routes = view(served, ref)
    hosts = dict.fromkeys(names.virtual_host(names.INGRESS_HTTP, host) for host, _ in routes)
    refused = [p for host in hosts for p in _rejected(view, ref, names.key(names.HOSTS, host))]
    return _row(view, ref, [*found.problems, *view(conflicts, ref), *refused], routes=len(routes))


def service_status(view: View, ref: str) -> Row | None:
    """The status of a Service; None while nothing is wrong with it."""
    found = view(service, ref.partition("/")[2])
    problems = [*(found.problems if found is not None else ()), *_rejected(view, ref, ref)]
    return _row(view, ref, problems) if problems else None


def slice_status(view: View, ref: str) -> Row | None:
    """The status of an EndpointSlice; None while nothing is wrong with it."""
    problems = view(slice_, ref).problems
    return _row(view, ref, problems) if problems else None


def ingress_class_status(view: View, ref: str) -> Row | None:
    """The status of an IngressClass; None while nothing is wrong with it."""
    problems = view(ingress_class.problems, ref)
    return _row(view, ref, problems) if problems else None


STATUSES: dict[str, Callable[[View, str], Row | None]] = {
    "Ingress": ingress_status,
    "IngressClass": ingress_class_status,
    "Service": service_status,
    "EndpointSlice": slice_status,
}


def rejected_owner(body: dict[str, Any]) -> Iterable[str]:
    """Whose problem a rejection is: a host's Ingresses find it by the resource, a Service by its name."""
    resource = str(body.get("resource", ""))
    type_, name = names.split(resource)
    if type_ == names.HOSTS:
        return (resource,)
    if type_ in {names.CLUSTERS, names.ENDPOINTS}:
        return (f"Service/{names.service_of(name)[0]}",)
    return ()


def _rejected(view: View, ref: str, owner: str) -> Iterator[Problem]:
    """One problem for each message, however many Envoys sent it."""
    told = set()
    for rejection in view.index(REJECTIONS, owner):
        body = view.object(rejection) or {}
        told.add((str(body.get("resource")), str(body.get("message"))))
    for resource, message in sorted(told):
        yield Problem.of(ref, reasons.REJECTED_BY_ENVOY, f"Envoy refuses {resource}: {message}")


def _row(view: View, ref: str, problems: Iterable[Problem], routes: int | None = None) -> Row:
    body: dict[str, Any] = {"problems": [problem.as_json() for problem in problems]}
    source = (view.object(ref) or {}).get("source")
    if source is not None:
        body["source"] = source
    if routes is not None:
        body["routes"] = routes
    # Copied, since what orjson returns keeps the 4 KiB that it began with.
    return Row.of(bytes(memoryview(orjson.dumps(body))))
