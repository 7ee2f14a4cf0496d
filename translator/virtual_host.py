"""The routes of one host, of all the Ingresses that name it: the one place where conflicts are decided."""

from dataclasses import dataclass

from translator import names, reasons
from translator.derive import View
from translator.ingress.routes import ingress
from translator.model import Match, PathKind, Route, VirtualHost
from translator.problem import Problem

INDEX = "hosts"  # host → Ingresses
_ALL_PATHS = (Match(PathKind.PREFIX, "/"), Match(PathKind.STRING_PREFIX, "/"))


@dataclass(frozen=True, slots=True)
class Merged:
    """A host's routes, and those that lost their path to another, each told."""

    host: VirtualHost
    lost: tuple[tuple[Route, Problem], ...]


def merged(view: View, host: str) -> Merged:
    """Merges the routes of a host. The oldest Ingress wins, then namespace/name, then the first written."""
    claims = [
        (found.created, ref, route)
        for ref in view.index(INDEX, host)
        for found in (view(ingress, ref),)
        for name, route in found.routes
        if name == host
    ]
    claims.sort(key=lambda claim: (claim[2].fallback, claim[0], claim[1]))  # stable: as written within one
    won: dict[Match, Route] = {}
    lost = []
    for _, _, route in claims:
        rival = _rival(won, route)
        if rival is None:
            won[route.match] = route
        else:
            lost.append((route, _loss(host, route, rival)))
    routes = tuple(won[match] for match in sorted(won, key=lambda match: match.order))
    return Merged(VirtualHost(host, routes), tuple(lost))


def virtual_host(view: View, host: str) -> VirtualHost:
    """The routes that Envoy gets for a host."""
    return view(merged, host).host


def losses(view: View, host: str) -> tuple[tuple[Route, Problem], ...]:
    """The routes that lost on a host; mostly none, so that what reads this is seldom computed again."""
    return view(merged, host).lost


def served(view: View, ref: str) -> tuple[tuple[str, Route], ...]:
    """The routes of an Ingress that Envoy gets, with their hosts."""
    routes = view(ingress, ref).routes
    lost = {route.field for host in _hosts(routes) for route, _ in view(losses, host) if route.source == ref}
    return tuple(claim for claim in routes if claim[1].field not in lost)


def conflicts(view: View, ref: str) -> tuple[Problem, ...]:
    """What an Ingress is told about paths that it lost."""
    routes = view(ingress, ref).routes
    return tuple(
        problem for host in _hosts(routes) for route, problem in view(losses, host) if route.source == ref
    )


def _hosts(routes: tuple[tuple[str, Route], ...]) -> list[str]:
    return list(dict.fromkeys(host for host, _ in routes))


def _rival(won: dict[Match, Route], route: Route) -> Route | None:
    if not route.fallback:
        return won.get(route.match)
    return next((won[match] for match in _ALL_PATHS if match in won), None)


def _loss(host: str, route: Route, rival: Route) -> Problem:
    kind, namespace, name = rival.source.split("/")
    winner = f"{kind} {namespace}/{name}" if rival.source != route.source else f"this {kind} ({rival.field})"
    if route.fallback and not rival.fallback:
        message = f"the default backend gets no request: {winner} takes every path without host"
        return Problem.of(route.source, reasons.DEFAULT_BACKEND_UNUSED, message, route.field)
    what = (
        "the default backend"
        if route.fallback
        else f"path {route.match.path}" + (f" of host {host}" if host != names.ANY_HOST else " without host")
    )
    return Problem.of(
        route.source, reasons.DUPLICATE_PATH, f"{what} is already served for {winner}", route.field
    )
