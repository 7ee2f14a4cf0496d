"""An Ingress: which routes it asks for, on which hosts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from translator import names, reasons, unknown_annotation
from translator.derive import View
from translator.field import Field
from translator.ingress import annotation, backend, host, ingress_class, path, tls
from translator.model import Action, Answer, Backend, Forward, Match, PathKind, Plain, Retry, Route, TlsClaim
from translator.problem import Problem

OLDEST = float("-inf")
# Of the paths that an annotation names and no rule has; the rest is not worth a line each.
MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Ingress:
    """What an Ingress asks for: its routes with their hosts, and its Secrets for hosts, in the order written.

    `created` in Unix seconds decides between two Ingresses; one without is the oldest.
    """

    ours: bool
    created: float = OLDEST
    routes: tuple[tuple[str, Route], ...] = ()
    tls: tuple[TlsClaim, ...] = ()
    problems: tuple[Problem, ...] = ()


NOT_OURS = Ingress(ours=False)


def ingress(view: View, ref: str) -> Ingress:
    """The Ingress of that reference; NOT_OURS when it is another controller's or there is none."""
    body = view.object(ref)
    if body is None:
        return NOT_OURS
    problems: list[Problem] = []
    root = Field(ref, body, "", problems)
    annotations = root["metadata"]["annotations"].texts()
    spec = root["spec"]
    if not ingress_class.is_ours(view, annotations, spec["ingressClassName"].text()):
        return NOT_OURS
    spec.mapping(required=True)
    policy = _Policy(annotations, root["metadata"]["annotations"])
    routes = tuple(_routes(view, ref.split("/")[1], spec, policy))
    policy.check()
    claims = tuple(tls.read(view, spec, annotations, root["metadata"]["annotations"]))
    unknown_annotation.tell("Ingress", annotations, root["metadata"]["annotations"])
    created = _created(root["metadata"]["creationTimestamp"])
    return Ingress(ours=True, created=created, routes=routes, tls=claims, problems=tuple(problems))


def hosts(body: dict[str, Any]) -> set[str]:
    """The hosts that an Ingress object names, whether or not it is ours or its rules can be served: for the
    index.
    """
    spec = Field("", body, "", [])["spec"]
    found = {host.read(rule["host"]) for rule in spec["rules"].items()}
    if spec["defaultBackend"].present:
        found.add(names.ANY_HOST)
    return {name for name in found if name is not None}


class _Policy:
    """What the annotations of one Ingress say about all its routes."""

    def __init__(self, annotations: dict[str, str], place: Field) -> None:
        timeout = annotation.RESPONSE_TIMEOUT.of(annotations, place)
        older = annotation.REQUEST_TIMEOUT.of(annotations, place)
        self._timeout = older if timeout is None else timeout
        on = annotation.RETRY_CONDITIONS.of(annotations, place)
        count = annotation.NUM_RETRIES.of(annotations, place)
        per_try = annotation.PER_TRY_TIMEOUT.of(annotations, place)
        self._retry = None if on is None or count == 0 else Retry(on, count, per_try or None)
        self._websockets = annotation.WEBSOCKET_ROUTES.of(annotations, place)
        redirect = annotation.FORCE_SSL_REDIRECT.of(annotations, place)
        allow = annotation.ALLOW_HTTP.of(annotations, place)
        self.plain = Plain.REDIRECTED if redirect else Plain.SERVED if allow else Plain.ABSENT
        self._rewrite = annotation.REWRITE_PATH.of(annotations, place)
        self._place = place
        self._paths: set[str] = set()

    def action(self, target: Backend | Answer, written: str, kind: PathKind = PathKind.PREFIX) -> Action:
        """What a route on the path, as written, does."""
        self._paths.add(written)
        if isinstance(target, Answer):
            return target
        rewrite = self._rewrite
        if rewrite is not None and kind is PathKind.REGEX:
            rewrite = None
            self._place[annotation.REWRITE_PATH.name].tell(
                reasons.REWRITE_NOT_APPLIED,
                f"{annotation.REWRITE_PATH.name} is not applied to path {written}, a regular expression",
            )
        websocket = written in self._websockets
        return Forward(target, self._timeout, self._retry, websocket=websocket, rewrite=rewrite)

    def check(self) -> None:
        """Tells the paths that an annotation names and no rule has."""
        for missing in sorted(self._websockets - self._paths)[:MOST_TOLD]:
            self._place[annotation.WEBSOCKET_ROUTES.name].tell(
                reasons.WEBSOCKET_PATH_NOT_FOUND,
                f"{annotation.WEBSOCKET_ROUTES.name} names path {missing}, which no rule has",
            )


def _routes(view: View, namespace: str, spec: Field, policy: _Policy) -> Iterator[tuple[str, Route]]:
    for rule in spec["rules"].items():
        if not rule.mapping(required=True):
            continue
        name = host.read(rule["host"])
        if name is None or not rule["http"].mapping():
            continue
        for item in rule["http"]["paths"].items(required=True):
            route = _route(view, namespace, item, policy)
            if route is not None:
                yield name, route
    default = spec["defaultBackend"]
    target = backend.read(view, namespace, default, "the default backend") if default.present else None
    if target is not None:
        match = Match(PathKind.PREFIX, "/")
        yield (
            names.ANY_HOST,
            Route(
                match, policy.action(target, "/"), spec.ref, default.path, fallback=True, plain=policy.plain
            ),
        )


def _route(view: View, namespace: str, item: Field, policy: _Policy) -> Route | None:
    if not item.mapping(required=True):
        return None
    match = path.read(item["path"], item["pathType"])
    if match is None:
        return None
    written = item["path"].value or "/"
    target = backend.read(view, namespace, item["backend"], f"path {written}")
    if target is None:
        return None
    action = policy.action(target, written, match.kind)
    return Route(match, action, item.ref, item.path, plain=policy.plain)


def _created(field: Field) -> float:
    written = field.text()
    if written is None:
        return OLDEST
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        field.tell(reasons.INVALID_FIELD, f"{field.path}: expected a time of RFC 3339, found {written!r}")
        return OLDEST
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
