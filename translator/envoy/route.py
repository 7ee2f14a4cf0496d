"""Virtual hosts and route configurations."""

from collections.abc import Iterator
from datetime import timedelta

from envoy_data_plane.envoy.config.core.v3 import HeaderValueOptionHeaderAppendAction as Append
from envoy_data_plane.envoy.config.route import v3 as pb

from runtime.wire import encode
from translator.envoy import v3
from translator.model import Answer, Forward, Match, PathKind, Redirect, Route, VirtualHost

_LABEL = r"[!-\-/-~]+"  # every printable character but the dot
HTTPS_PORT = 443
_UPGRADE = [v3.UpgradeConfig(upgrade_type="websocket")]


def route_configuration(name: str) -> bytes:
    """A route configuration without hosts: the xDS server adds them, or the source they come from."""
    start = v3.HeaderValue(key="x-request-start", value="t=%START_TIME(%s.%3f)%")
    return encode(
        v3.RouteConfiguration(
            name=name,
            ignore_port_in_host_matching=True,
            request_headers_to_add=[
                v3.HeaderValueOption(header=start, append_action=Append.OVERWRITE_IF_EXISTS_OR_ADD)
            ],
        )
    )


def virtual_host(name: str, host: VirtualHost, rest: VirtualHost) -> bytes:
    """The virtual host `name`.

    Envoy's `*.foo.com` takes any number of labels. A host with more than one goes on to the routes of
    `rest`, the virtual host `*`, as if the wildcard were not there: so its own routes ask for one label,
    and the routes of `rest` stand behind them and ask for more. (No other wildcard can match: only the host
    less its first label.)
    """
    if host.host.startswith("*."):
        pattern = _one_label(host.host)
        one, more = [_authority(pattern, more=False)], [_authority(pattern, more=True)]
        routes = [made for route in host.routes for made in _routes(route, one)]
        routes += [made for route in rest.routes for made in _routes(route, more)]
    else:
        routes = [made for route in host.routes for made in _routes(route, [])]
    return encode(v3.VirtualHost(name=name, domains=[host.host], routes=routes))


def clusters(host: VirtualHost, rest: VirtualHost) -> tuple[str, ...]:
    """The names of the clusters that the virtual host leads to, sorted."""
    routes = host.routes + rest.routes if host.host.startswith("*.") else host.routes
    return tuple(sorted({r.action.backend.cluster for r in routes if isinstance(r.action, Forward)}))


def _one_label(host: str) -> str:
    """As many labels as the wildcard has: the rest of the name has been compared by then, by the domain.

    That keeps the program of RE2 small, however long the name is, and needs no care for case; a port is
    part of the last label here.
    """
    return rf"{_LABEL}(?:\.{_LABEL}){{{host.count('.')}}}"


def _authority(pattern: str, *, more: bool) -> pb.HeaderMatcher:
    match = v3.StringMatcher(safe_regex=v3.RegexMatcher(regex=pattern))
    return v3.HeaderMatcher(name=":authority", string_match=match, invert_match=more)


def _routes(route: Route, headers: list[pb.HeaderMatcher]) -> Iterator[pb.Route]:
    """One, or two where a prefix is replaced by `/`: Envoy swaps the prefix alone, so its slash has to go
    with it (`/foo/x` → `/x`), which is not there when nothing follows (`/foo` → `/`).
    """
    action, match = route.action, route.match
    if isinstance(action, Answer):
        answer = v3.DirectResponseAction(status=action.status)
        yield v3.Route(name=route.source, match=_match(match, headers), direct_response=answer)
    elif isinstance(action, Redirect):
        yield v3.Route(name=route.source, match=_match(match, headers), redirect=_redirect(action))
    elif action.rewrite is None or match.kind is PathKind.EXACT:
        yield _forwarding(route.source, _match(match, headers), action, action.rewrite or "")
    elif match.path.endswith("/"):
        with_slash = action.rewrite.rstrip("/") + "/"
        yield _forwarding(route.source, _match(match, headers), action, with_slash)
    elif rewrite := action.rewrite.rstrip("/"):
        yield _forwarding(route.source, _match(match, headers), action, rewrite)
    else:
        with_slash = f"{match.path}/"
        yield _forwarding(route.source, v3.RouteMatch(prefix=with_slash, headers=headers), action, "/")
        alone = match if match.kind is PathKind.STRING_PREFIX else Match(PathKind.EXACT, match.path)
        yield _forwarding(route.source, _match(alone, headers), action, "/")


def _match(match: Match, headers: list[pb.HeaderMatcher]) -> pb.RouteMatch:
    match match.kind:
        case PathKind.EXACT:
            return v3.RouteMatch(path=match.path, headers=headers)
        case PathKind.REGEX:
            return v3.RouteMatch(safe_regex=v3.RegexMatcher(regex=match.path), headers=headers)
        case PathKind.PREFIX if match.path != "/":
            return v3.RouteMatch(path_separated_prefix=match.path, headers=headers)
    return v3.RouteMatch(prefix=match.path, headers=headers)


def _redirect(redirect: Redirect) -> pb.RedirectAction:
    """A port in the Host header is the listener's own, which is stripped; 443 goes without saying."""
    port = redirect.port if redirect.port != HTTPS_PORT else 0
    return v3.RedirectAction(https_redirect=True, port_redirect=port)


def _forwarding(name: str, match: pb.RouteMatch, forward: Forward, rewrite: str) -> pb.Route:
    return v3.Route(name=name, match=match, route=_forward(forward, rewrite))


def _forward(forward: Forward, rewrite: str) -> pb.RouteAction:
    retry = None
    if forward.retry is not None:
        retry = v3.RetryPolicy(
            retry_on=forward.retry.on,
            num_retries=forward.retry.count,
            per_try_timeout=_seconds(forward.retry.per_try_timeout),
        )
    return v3.RouteAction(
        cluster=forward.backend.cluster,
        prefix_rewrite=rewrite,
        timeout=_seconds(forward.timeout),
        retry_policy=retry,
        upgrade_configs=_UPGRADE if forward.websocket else [],
    )


def _seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)
