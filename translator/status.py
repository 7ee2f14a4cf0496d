"""What an object's owner is told: its problems, and how many of its routes are served."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson

from runtime.link.row import Row
from translator import delegation, names, reasons, tls
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
    hosts = dict.fromkeys(host for host, _ in routes)
    made = [names.key(names.HOSTS, names.virtual_host(names.INGRESS_HTTP, host)) for host in hosts]
    bringing = view(tls.tls_problems, ref) if found.tls else ()
    for host, answer in view(tls.secured, ref) if found.tls else ():
        made.append(names.key(names.HOSTS, names.virtual_host(names.INGRESS_HTTPS, host)))
        made += [names.key(names.SECRETS, name) for name in answer.secrets]
    refused = [problem for resource in dict.fromkeys(made) for problem in _rejected(view, ref, resource)]
    problems = [*found.problems, *view(conflicts, ref), *bringing, *refused]
    return _row(view, ref, problems, routes=len(routes))


def service_status(view: View, ref: str) -> Row | None:
    """The status of a Service; None while nothing is wrong with it."""
    found = view(service, ref.partition("/")[2])
    problems = [*(found.problems if found is not None else ()), *_rejected(view, ref, ref)]
    return _row(view, ref, problems) if problems else None


def slice_status(view: View, ref: str) -> Row | None:
    """The status of an EndpointSlice; None while nothing is wrong with it."""
    problems = view(slice_, ref).problems
    return _row(view, ref, problems) if problems else None


def delegation_status(view: View, ref: str) -> Row | None:
    """The status of a TLSCertificateDelegation; None while nothing is wrong with it."""
    problems = view(delegation.delegation_problems, ref)
    return _row(view, ref, problems) if problems else None


def default_certificate_status(view: View, ref: str) -> Row | None:
    """What the operator is told about the Secret of the default certificate, which no object names."""
    name = ref.partition("/")[2]
    refused = _rejected(view, ref, names.key(names.SECRETS, name))
    problems = [*tls.secret_problems(view, name, ref, ""), *refused]
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
    "TLSCertificateDelegation": delegation_status,
}


def rejected_owner(body: dict[str, Any]) -> Iterable[str]:
    """Whose problem a rejection is: Ingresses find it by the resource, their host or Secret, a Service by its
    name.
    """
    resource = str(body.get("resource", ""))
    type_, name = names.split(resource)
    if type_ in {names.HOSTS, names.SECRETS}:
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
