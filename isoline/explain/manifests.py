"""The explanation of a request by manifests: the place of the object, and what is wrong with it."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from isoline import manifests
from isoline.explain import hosts, walk
from isoline.explain.explanation import Explanation
from isoline.explain.request import Request, without_port
from isoline.manifests import Manifests, Translation
from isoline.place import Places
from runtime.link.row import Row
from translator.settings import Settings

SERVICE_NAME = "kubernetes.io/service-name"
# Problems of one object that are shown.
SHOWN = 3
NOT_FOUND, UNAVAILABLE = 404, 503
UNREADABLE = "Unreadable"


class Rows:
    """Resources by their keys in the table."""

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self._rows = rows

    def get(self, type_: str, names: Sequence[str]) -> Mapping[str, bytes]:
        """Those that there are, by name."""
        keys = {name: f"{type_}/{name}" for name in names}
        return {name: self._rows[key].body for name, key in keys.items() if key in self._rows}


def explain(request: Request, paths: Collection[str], settings: Settings) -> Explanation:
    """What becomes of a request by what stands in these files. Raises Mistake."""
    read = manifests.read(paths)
    translation = manifests.translate(read, settings)
    found = walk.explain(request, Rows(translation.resources))
    found.unreadable = tuple(each.text() for each in translation.problems if each.reason == UNREADABLE)
    if found.object is not None:
        _place(found, read)
    if found.status in (NOT_FOUND, UNAVAILABLE) or not found.routed:
        found.problems = _problems(found, translation)
    if found.host is None and found.path is not None and found.status == NOT_FOUND:
        _hint(found, translation)
    if found.status == UNAVAILABLE and found.assignment is not None:
        found.why += f": {_without_endpoints(found.assignment, read)}"
    return found


def _place(found: Explanation, read: Manifests) -> None:
    """The file and line of the object that decides, of the very path where that can be told."""
    row = read.rows.get(found.object or "")
    body = orjson.loads(row.body) if row is not None else {}
    if source := body.get("source"):
        found.file = str(source["file"])
        found.line = Places(read.files.get).line_of(source, _field(found, body))


def _field(found: Explanation, body: Mapping[str, Any]) -> str:
    """The rule's path that the route was made of; empty when it is not written so."""
    domain = "" if found.domain == hosts.ANY else found.domain
    matched = (found.route or "").partition(" ")[2].split(", ")[0]
    for at, rule in enumerate(_items(body.get("spec"), "rules")):
        if not isinstance(rule, dict) or str(rule.get("host") or "").lower() != domain:
            continue
        for number, path in enumerate(_items(rule.get("http"), "paths")):
            written = str(path.get("path") or "/") if isinstance(path, dict) else ""
            if written == matched or written.rstrip("/") == matched:
                return f"spec.rules[{at}].http.paths[{number}].path"
    return ""


def _items(owner: object, name: str) -> list[Any]:
    value = owner.get(name) if isinstance(owner, dict) else None
    return value if isinstance(value, list) else []


def _problems(found: Explanation, translation: Translation) -> list[str]:
    """What is wrong with the object that decides, else with whatever speaks of the host."""
    told = translation.problems
    if found.object is not None:
        mine = [each for each in told if f"{each.kind}/{each.namespace}/{each.name}" == found.object]
    else:
        host = without_port(found.request.authority)
        mine = [each for each in told if host in each.message]
    return [each.text() for each in mine[:SHOWN]]


def _without_endpoints(assignment: str, read: Manifests) -> str:
    """Why a Service has no endpoint, from its EndpointSlices."""
    namespace, service, *port = assignment.split("/")
    port_name = port[0] if port else ""
    keys = [key for key in read.rows if key.startswith(f"EndpointSlice/{namespace}/")]
    bodies = [orjson.loads(read.rows[key].body) for key in keys]
    slices = [body for body in bodies if (body["metadata"].get("labels") or {}).get(SERVICE_NAME) == service]
    if not slices:
        return f"no EndpointSlice of namespace {namespace} has the label {SERVICE_NAME}: {service}"
    names = {str(port.get("name") or "") for body in slices for port in _items(body, "ports")}
    if port_name not in names:
        shown = ", ".join(sorted(repr(name) for name in names)) or "none"
        return f"the Service's port has the name {port_name!r}, its EndpointSlices have {shown}"
    return "its EndpointSlices list none"


def _hint(found: Explanation, translation: Translation) -> None:
    """A host that is spelled almost so."""
    prefix = f"hosts/ingress_{found.request.scheme}/"
    known = [key.removeprefix(prefix) for key in translation.resources if key.startswith(prefix)]
    host = without_port(found.request.authority).lower()
    near = difflib.get_close_matches(host, known, n=1, cutoff=0.8)
    if near:
        found.why += f"; did you mean {near[0]}?"
