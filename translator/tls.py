"""How a host answers handshakes, from all the Ingresses that bring Secrets for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from translator import certificate, names, reasons, secret, unread
from translator.derive import View
from translator.ingress.routes import ingress
from translator.ingress.tls import ANY_TLS, INDEX
from translator.model import Plain, Redirect, Route, Tls, TlsClaim, VirtualHost
from translator.problem import Problem
from translator.virtual_host import virtual_host

NO_ROUTES = VirtualHost(names.ANY_HOST, ())


@dataclass(frozen=True, slots=True)
class Decided:
    """A host's TLS, None for a host without; and the claims that lost, each with its Ingress, told."""

    tls: Tls | None
    lost: tuple[Problem, ...] = ()


def claims(view: View, ref: str) -> tuple[float, tuple[TlsClaim, ...]]:
    """An Ingress's age and what it brings: apart, since its routes change more often."""
    found = view(ingress, ref)
    return found.created, found.tls


def decided(view: View, host: str) -> Decided:
    """The oldest Ingress wins, then namespace/name, then the first written.

    A Secret that is missing does not compete. One that has never been good does: it may be good in what an
    Envoy still holds, and a restart of ours must not give its host to somebody else.
    """
    found = [
        (created, ref, claim, kind)
        for ref in view.index(INDEX, host)
        for created, brought in (view(claims, ref),)
        for claim in brought
        if claim.host == host and (kind := secret.key_type(view, claim.secret)) is not None
    ]
    found.sort(key=lambda each: each[:2])  # stable: as written within one
    if not found:
        return Decided(None)
    _, winner, first, _ = found[0]
    brought = {kind: claim.secret for _, ref, claim, kind in reversed(found) if ref == winner}
    # Beside a good one, one that has never been good would only be waited for.
    chosen = {kind: name for kind, name in brought.items() if kind != secret.UNKNOWN} or brought
    tls = Tls(tuple(sorted(chosen.values())), first.versions)
    lost = [
        _loss(host, winner, ref, claim)
        for _, ref, claim, _ in found
        if claim.secret not in tls.secrets or claim.versions != tls.versions
    ]
    return Decided(tls, tuple(lost))


def tls(view: View, host: str) -> Tls | None:
    """How handshakes for a host are answered; None where they are not. That of `*` is the default
    certificate's, for all that are for no other.
    """
    default = view.settings.default_certificate
    if host == names.ANY_HOST:
        if default is None or secret.key_type(view, default) is None:
            return None
        return Tls((default,), default=True)
    return view(decided, host).tls if view(has_routes, host) else None


def has_routes(view: View, host: str) -> bool:
    """Whether a host has any rule that is served."""
    return bool(view(virtual_host, host).routes)


def of_host(view: View, host: str) -> Tls | None:
    """The same as `tls`, without a value of its own for each of the many hosts that have none."""
    if host != names.ANY_HOST and not view.index(INDEX, host):
        return None
    return view(tls, host)


def secured(view: View, ref: str) -> tuple[tuple[str, Tls], ...]:
    """The hosts that an Ingress brings a Secret for, and that have HTTPS; each as it was decided."""
    hosts = dict.fromkeys(claim.host for claim in view(claims, ref)[1])
    return tuple((host, found) for host in hosts if (found := view(tls, host)) is not None)


def secured_hosts(view: View) -> dict[str, Tls]:
    """All hosts that have HTTPS, sorted; without `*`."""
    found = dict(each for ref in view.index(INDEX, ANY_TLS) for each in view(secured, ref))
    return {host: found[host] for host in sorted(found)}


# The two sides of a host


def http_host(view: View, host: str) -> VirtualHost:
    """The routes of a host over HTTP without TLS."""
    found = view(virtual_host, host)
    if all(route.plain is Plain.SERVED for route in found.routes):
        return found
    return VirtualHost(host, tuple(_in_clear(view, route) for route in found.routes if _is_there(route)))


def https_host(view: View, host: str) -> VirtualHost:
    """The routes of a host over HTTPS; none for a host without TLS."""
    return NO_ROUTES if of_host(view, host) is None else view(virtual_host, host)


def _is_there(route: Route) -> bool:
    return route.plain is not Plain.ABSENT


def _in_clear(view: View, route: Route) -> Route:
    if route.plain is Plain.SERVED:
        return route
    port = view.settings.redirect_port
    return Route(route.match, Redirect(port), route.source, route.field, route.fallback, route.plain)


# What is told


def tls_problems(view: View, ref: str) -> tuple[Problem, ...]:
    """What an Ingress is told about its Secrets and their hosts."""
    found: dict[Problem, None] = {}
    for claim in view(claims, ref)[1]:
        for problem in _of_claim(view, ref, claim):
            found[problem] = None
    return tuple(found)


def _of_claim(view: View, ref: str, claim: TlsClaim) -> Iterator[Problem]:
    what = f"Secret {claim.secret}"
    yield from secret_problems(view, claim.secret, ref, claim.field)
    if secret.key_type(view, claim.secret) is None:
        return
    if not view(has_routes, claim.host):
        message = f"no rule has host {claim.host}, so handshakes for it are refused"
        yield Problem.of(ref, reasons.TLS_WITHOUT_RULE, message, claim.place)
    covered = view.fact(secret.NAMES, secret.reference(claim.secret))
    if covered is not None and not certificate.covers(covered, claim.host):
        message = f"the certificate of {what} is not for host {claim.host}"
        yield Problem.of(ref, reasons.HOST_NOT_COVERED, message, claim.place)
    yield from (
        each for each in view(decided, claim.host).lost if (each.ref, each.field) == (ref, claim.place)
    )


def secret_problems(view: View, name: str, ref: str, field: str) -> Iterator[Problem]:
    """What is wrong with a Secret, told at the field that names it."""
    known = secret.reference(name)
    if secret.key_type(view, name) is None:
        if not unread.may_be_there(view, unread.SECRETS, name.partition("/")[0]):
            message = f"there is no Secret {name} with a certificate and a key"
            yield Problem.of(ref, reasons.SECRET_NOT_FOUND, message, field)
        return
    validity = view.fact(secret.VALIDITY, known)
    flaw = view.fact(secret.FLAW, known)
    if flaw is not None:
        rest = "there is no good version of it" if validity is None else "its last good version is served"
        yield Problem.of(
            ref, reasons.INVALID_SECRET, f"Secret {name} cannot be served: {flaw}; {rest}", field
        )
    if validity is None:
        return
    begins, ends = validity
    if not view.past(begins):
        message = f"the certificate of Secret {name} is valid from {_shown(begins)}"
        yield Problem.of(ref, reasons.CERTIFICATE_NOT_YET_VALID, message, field)
    elif view.past(ends):
        message = f"the certificate of Secret {name} was valid until {_shown(ends)}"
        yield Problem.of(ref, reasons.CERTIFICATE_EXPIRED, message, field)


def _loss(host: str, winner: str, ref: str, claim: TlsClaim) -> Problem:
    kind, namespace, name = winner.split("/")
    who = f"{kind} {namespace}/{name}" if winner != ref else f"an earlier entry of this {kind}"
    message = (
        f"TLS of host {host} is already that of {who}, not of Secret {claim.secret} and its TLS versions"
    )
    return Problem.of(ref, reasons.DUPLICATE_TLS, message, claim.place)


def _shown(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
