"""The explanation of a request by objects: the place of the one that decides, and what is wrong with it."""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import orjson

from isoline import translation
from isoline.explain import hosts, walk
from isoline.explain.explanation import Explanation
from isoline.explain.request import Request, without_port
from isoline.near import Near
from isoline.objects import Objects
from isoline.place import Places
from isoline.problem import Problem, told
from isoline.unserved_classes import why_not_ours
from runtime.link.row import Change, Row
from translator.ingress.annotation import ALLOW_HTTP
from translator.settings import Settings

SERVICE_NAME = "kubernetes.io/service-name"
# Problems that are shown; how alike a host must be to be meant.
SHOWN, CUTOFF = 3, 0.8
NOT_FOUND, UNAVAILABLE = 404, 503
UNREADABLE = "Unreadable"


class Derived:
    """Resources, each made when it is asked for: a request needs six, of some ten thousand."""

    carries_secrets = True

    def __init__(self, rows: Mapping[str, Row], settings: Settings) -> None:
        self.translator = translation.translator(settings)
        self.translator.apply(Change(rows, frozenset(), synced=False))

    def get(self, type_: str, names: Sequence[str]) -> Mapping[str, bytes]:
        """Those that there are, by name."""
        made = {name: self.translator.resource(f"{type_}/{name}") for name in names}
        return {name: row.body for name, row in made.items() if row is not None}


def explain(request: Request, read: Objects, settings: Settings) -> Explanation:
    """What becomes of a request by these objects."""
    derived = Derived(read.rows, settings)
    found = walk.explain(request, derived)
    found.unreadable = tuple(
        each.text()
        for ref in read.rows
        if ref.startswith("File/")
        for each in _problems(ref, read.rows[ref], read)
        if each.reason == UNREADABLE
    )
    found.doubts += [
        each.text()
        for ref in read.rows
        if ref.startswith("API/")
        for each in _problems(ref, read.rows[ref], read)
    ]
    if found.object is not None:
        _place(found, read)
    if not found.routed:
        concerned = [found.object] if found.object is not None else _named(found, read)
        rows = [(ref, derived.translator.told(ref)) for ref in concerned]
        problems = [each for ref, row in rows if row is not None for each in _problems(ref, row, read)]
        found.problems = [each.text() for each in problems[:SHOWN]]
    if found.route is None and found.path is not None and found.status == NOT_FOUND:
        _hint(found, read, settings.ingress_class)
    if found.status == UNAVAILABLE and found.assignment is not None:
        found.why += f": {_without_endpoints(found.assignment, read)}"
    return found


def _problems(ref: str, row: Row, read: Objects) -> list[Problem]:
    places, near = Places(read.files.get), Near(read.rows)
    return [each.problem(places.line_of, near.hint(each)) for each in told(ref, row.body)]


def _named(found: Explanation, read: Objects) -> list[str]:
    """The Ingresses that speak of the host."""
    host = without_port(found.request.authority).encode()
    refs = (key for key, row in read.rows.items() if key.startswith("Ingress/") and host in row.body)
    return list(islice(refs, SHOWN))


def _place(found: Explanation, read: Objects) -> None:
    """The file and line of the object that decides, of the very path where that can be told."""
    row = read.rows.get(found.object or "")
    body = orjson.loads(row.body) if row is not None else {}
    if source := body.get("source"):
        found.file = str(source["file"])
        found.line = Places(read.files.get).line_of(source, _field(found, body))


def _field(explained: Explanation, body: Mapping[str, Any]) -> str:
    """The rule's path that the route was made of; empty when it is not written so.

    A slash at its end may be the translator's: the path as matched goes before one that differs by it.
    """
    domain = "" if explained.domain == hosts.ANY else explained.domain
    matched = (explained.route or "").partition(" ")[2].split(", ")[0]
    found: dict[str, str] = {}
    for at, rule in enumerate(_items(body.get("spec"), "rules")):
        if not isinstance(rule, dict) or str(rule.get("host") or "").lower() != domain:
            continue
        for number, path in enumerate(_items(rule.get("http"), "paths")):
            written = str(path.get("path") or "/") if isinstance(path, dict) else ""
            if written and written.rstrip("/") == matched.rstrip("/"):
                found.setdefault(written, f"spec.rules[{at}].http.paths[{number}].path")
    return found.get(matched) or next(iter(found.values()), "")


def _member(owner: object, name: str) -> object:
    return owner.get(name) if isinstance(owner, dict) else None


def _items(owner: object, name: str) -> list[Any]:
    value = _member(owner, name)
    return value if isinstance(value, list) else []


def _without_endpoints(assignment: str, read: Objects) -> str:
    """Why a Service has no endpoint, from its EndpointSlices."""
    namespace, service, *port = assignment.split("/")
    port_name = port[0] if port else ""
    keys = [key for key in read.rows if key.startswith(f"EndpointSlice/{namespace}/")]
    bodies = [orjson.loads(read.rows[key].body) for key in keys]
    slices = [
        body for body in bodies if _member(_member(body["metadata"], "labels"), SERVICE_NAME) == service
    ]
    if not slices:
        return f"no EndpointSlice of namespace {namespace} has the label {SERVICE_NAME}: {service}"
    names = {str(_member(port, "name") or "") for body in slices for port in _items(body, "ports")}
    if port_name not in names:
        shown = ", ".join(sorted(repr(name) for name in names)) or "none"
        return f"the Service's port has the name {port_name!r}, its EndpointSlices have {shown}"
    return "its EndpointSlices list none"


def _hint(found: Explanation, read: Objects, ours: Collection[str]) -> None:
    """Why an Ingress that names the host does not serve it; where none does, a host spelled almost so."""
    known: dict[str, list[str]] = {}
    for ref, body in _ingresses(read):
        for rule in _items(body.get("spec"), "rules"):
            known.setdefault(str(_member(rule, "host") or "").lower(), []).append(ref)
    host = without_port(found.request.authority).lower()
    domains = hosts.candidates(host) if found.host is None else (found.domain.lower(),)
    naming = [ref for domain in domains for ref in known.get(domain, ())]
    for ref in naming:
        body = orjson.loads(read.rows[ref].body)
        if why := why_not_ours(read.rows, ours, body) or _not_in_clear(body):
            found.why += f"; Ingress {ref.partition('/')[2]} names the host, but {why}"
            return
    near = difflib.get_close_matches(host, sorted(known), n=1, cutoff=CUTOFF)
    if near and not naming and found.host is None:
        found.why += f"; did you mean {near[0]}?"


def _ingresses(read: Objects) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((key, orjson.loads(row.body)) for key, row in read.rows.items() if key.startswith("Ingress/"))


def _not_in_clear(body: Mapping[str, Any]) -> str:
    """That it has no routes over HTTP: a host without any is known over HTTPS at most."""
    written = _member(_member(body["metadata"], "annotations"), ALLOW_HTTP.name)
    is_refused = isinstance(written, str) and written.strip() == "false"
    return f"{ALLOW_HTTP.name} is false" if is_refused else ""
