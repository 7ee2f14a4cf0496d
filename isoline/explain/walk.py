"""Follows a request through Envoy's resources, from the listener to the endpoints."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import NoReturn, Protocol

from isoline.explain import chain, condition, hosts, matching
from isoline.explain.condition import Asked, UnknownError
from isoline.explain.endpoints import addresses, shown
from isoline.explain.explanation import Explanation
from isoline.explain.request import Answer, Request, taken, without_port
from isoline.explain.schema import (
    CLUSTER,
    LISTENER,
    LOAD_ASSIGNMENT,
    RBAC,
    ROUTE_CONFIGURATION,
    UNREAD,
    VIRTUAL_HOST,
    Decoded,
    decode,
    packed,
)

# RedirectAction.RedirectResponseCode, ClusterNotFoundResponseCode, Cluster.DiscoveryType.
CODES = {0: 301, 1: 302, 2: 303, 3: 307, 4: 308}
NOT_FOUND = {0: 503, 1: 404, 2: 500}
ALLOW, DENY = 0, 1  # RBAC.Action
RESOLVED_BY_NAME = {1, 2}  # STRICT_DNS, LOGICAL_DNS
ALL_TLS = 2  # VirtualHost.TlsRequirementType
# Filters that send nothing elsewhere.
HARMLESS = ("router", "compressor", "grpc_web", "decompressor", "cors", "grpc_stats")


class Resources(Protocol):
    """Where Envoy's resources are had from."""

    @property
    def carries_secrets(self) -> bool:
        """Whether it gives Secrets; it may withhold them from a connection in clear."""

    def get(self, type_: str, names: Sequence[str]) -> Mapping[str, bytes]:
        """Those of a type that there are, by name."""


class _End(Exception):  # noqa: N818 - the end of the way, no error
    """The explanation is complete."""


def explain(request: Request, resources: Resources) -> Explanation:
    """What becomes of a request. Raises DecodeError for a resource that is none."""
    walk = _Walk(request, resources)
    with contextlib.suppress(_End):
        walk.run()
    return walk.found


class _Walk:
    def __init__(self, request: Request, resources: Resources) -> None:
        self.found = Explanation(request)
        self._request = request
        self._resources = resources

    def run(self) -> None:
        """To its end, which is the one or the other _End."""
        manager, port = self._manager(f"ingress_{self._request.scheme}")
        request = taken(self._request, manager, port)
        if isinstance(request, Answer):
            self._answer(request.status, request.why, request.location)
        self._request = request
        self.found.path = request.path
        configuration = self._configuration(manager)
        found = self._host(configuration)
        self._filters(manager, None if found is None else found[0].get("name", ""))
        self._act(self._route(self._taken(configuration, found)))

    def _doubt(self, text: str) -> None:
        if text not in self.found.doubts:
            self.found.doubts.append(text)

    def _answer(self, status: int | None, why: str, location: str = "") -> NoReturn:
        self.found.status, self.found.why, self.found.location = status, why, location
        raise _End

    def _one(self, type_: str, name: str) -> bytes | None:
        return self._resources.get(type_, [name]).get(name)

    # The connection

    def _manager(self, name: str) -> tuple[Decoded, int]:
        """The connection manager that takes the request, and the port of its listener."""
        body = self._one("listeners", name)
        if body is None:
            self._answer(None, f"there is no listener {name}")
        listener = decode(LISTENER, body)
        socket = listener.get("address", {}).get("socket_address", {})
        self.found.listener = name
        self.found.address = f"{socket.get('address', '')}:{socket.get('port_value', 0)}"
        sni = self._request.sni
        chosen = chain.chosen(listener, self._request.scheme, sni, self._doubt)
        secrets = None if chosen is None else chain.secrets(chosen)
        if chosen is None or (secrets is None) == (self._request.scheme == "https"):
            named = f"SNI {sni}" if sni else "a handshake without SNI"
            self._answer(None, f"no filter chain of {name} takes {named}")
        self.found.chain, self.found.certificates = chosen.get("name", ""), secrets or ()
        self._handshake()
        manager = chain.manager(chosen)
        if manager is None:
            self._answer(None, f"filter chain {self.found.chain} has no HTTP connection manager")
        return manager, int(socket.get("port_value", 0))

    def _handshake(self) -> None:
        """It fails while Envoy waits for any of the chain's Secrets."""
        names = self.found.certificates
        if not names:
            return
        if not self._resources.carries_secrets:
            self._doubt(f"whether Secret {', '.join(names)} is served is not told over a connection in clear")
            return
        there = self._resources.get("secrets", names)
        if missing := [name for name in names if name not in there]:
            self._answer(None, f"Secret {', '.join(missing)} is not served")

    def _filters(self, manager: Decoded, virtual_host: str | None) -> None:
        """HTTP filters that answer before any route does."""
        for each in manager.get("http_filters", []):
            known = packed({RBAC.name: RBAC}, each.get("typed_config"))
            if each.get("disabled") or known is None:
                continue
            if known[0] == RBAC.name:
                asked = Asked(self._request, virtual_host)
                if self._denied(known[1].get("rules", {}), asked):
                    self._deny(manager)
            elif not any(part in known[0] for part in HARMLESS):
                self._doubt(f"HTTP filter {each.get('name', '')} is not known here")

    def _denied(self, rules: Decoded, asked: Asked) -> bool:
        """Whether a filter's rules refuse the request; rules that are not known here refuse nothing."""
        try:
            matched = [_matches(policy, asked) for policy in rules.get("policies", {}).values()]
        except UnknownError as error:
            self._doubt(f"an RBAC policy asks for {error}, which is not known here")
            return False
        action = rules.get("action", ALLOW)
        return any(matched) if action == DENY else action == ALLOW and bool(rules) and not any(matched)

    def _deny(self, manager: Decoded) -> None:
        mappers = manager.get("local_reply_config", {}).get("mappers", [])
        codes = [each["status_code"].get("value", 0) for each in mappers if "status_code" in each]
        status = codes[0] if codes else 403
        host, sni = self._request.authority, self._request.sni or "(none)"
        why = f"host {host} is not the SNI of its connection, {sni}" if status == 421 else "denied by RBAC"
        self._answer(status, why)

    # Host and route

    def _configuration(self, manager: Decoded) -> Decoded:
        if "route_config" in manager:
            inline: Decoded = manager["route_config"]
            return inline
        name = manager.get("rds", {}).get("route_config_name", "")
        body = self._one("routes", name)
        if body is None:
            self._answer(404, f"there is no route configuration {name}")
        return decode(ROUTE_CONFIGURATION, body)

    def _host(self, configuration: Decoded) -> tuple[Decoded, str] | None:
        """The virtual host that takes the request, and by which domain."""
        authority = self._request.authority
        if configuration.get("ignore_port_in_host_matching"):
            authority = without_port(authority)
        known = list(configuration.get("virtual_hosts", []))
        names = hosts.resource_names(configuration.get("name", ""), authority)
        known += [decode(VIRTUAL_HOST, body) for body in self._resources.get("hosts", names).values()]
        return hosts.domain_of(authority, known)

    def _taken(self, configuration: Decoded, found: tuple[Decoded, str] | None) -> Decoded:
        """The virtual host, unless there is none, or it answers for all of its routes."""
        if found is None:
            name, authority = configuration.get("name", ""), without_port(self._request.authority)
            self._answer(404, f"no virtual host of {name} takes host {authority}")
        host, self.found.domain = found
        self.found.host = host.get("name", "")
        if host.get("require_tls") == ALL_TLS and self._request.scheme == "http":
            where = f"https://{self._request.authority}{self._request.path}"
            self._answer(301, "the virtual host asks for TLS", where)
        return host

    def _route(self, host: Decoded) -> Decoded:
        routes: list[Decoded] = host.get("routes", [])
        for number, route in enumerate(routes, 1):
            if matching.route(route.get("match", {}), self._request, self._doubt):
                self.found.route = matching.shown(route.get("match", {}))
                self.found.number, self.found.of = number, len(routes)
                self.found.object = route.get("name") or None
                break
        else:
            self._unmatched(len(routes))
        return route

    def _unmatched(self, count: int) -> NoReturn:
        path = self._request.path.partition("?")[0]
        if not count:
            self._answer(404, "the host is known, but has no routes")
        one = "its one route does not match" if count == 1 else f"none of its {count} routes matches"
        self._answer(404, f"the host is known, but {one} {path}")

    def _act(self, route: Decoded) -> None:
        if "redirect" in route:
            self._redirect(route["redirect"], route.get("match", {}))
        if "direct_response" in route:
            status = int(route["direct_response"].get("status", 0))
            self._answer(status, "the route answers so itself" + UNREACHABLE * (status == 503))
        action = route.get("route")
        if action is None or "cluster" not in action:
            self._doubt("the route's action is not known here")
            self._answer(None, "the route does what is not known here")
        self._forward(action, route.get("match", {}))

    def _redirect(self, redirect: Decoded, match: Decoded) -> None:
        if UNREAD in redirect:
            self._doubt("the redirect has a field that is not known here")
        scheme = "https" if redirect.get("https_redirect") else redirect.get("scheme_redirect", "")
        scheme = scheme or self._request.scheme
        host = redirect.get("host_redirect") or self._request.authority
        if port := redirect.get("port_redirect"):
            host = f"{without_port(host)}:{port}"
        elif scheme != self._request.scheme and host.endswith((":80", ":443")):
            host = without_port(host)
        path, mark, query = self._request.path.partition("?")
        if "path_redirect" in redirect:
            path = redirect["path_redirect"]
        elif "prefix_rewrite" in redirect:
            path = _rewritten(path, match, redirect["prefix_rewrite"])
        rest = "" if redirect.get("strip_query") or "?" in path else mark + query
        code = CODES.get(redirect.get("response_code", 0), 301)
        self._answer(code, "the route redirects", f"{scheme}://{host}{path}{rest}")

    # The backend

    def _forward(self, action: Decoded, match: Decoded) -> None:
        name = self.found.cluster = action["cluster"]
        path, mark, query = self._request.path.partition("?")
        if "prefix_rewrite" in action:
            self.found.upstream_path = _rewritten(path, match, action["prefix_rewrite"]) + mark + query
        elif "regex_rewrite" in action:
            self.found.upstream_path = _substituted(path, action["regex_rewrite"]) + mark + query
        body = self._one("clusters", name)
        if body is None:
            status = NOT_FOUND.get(action.get("cluster_not_found_response_code", 0), 503)
            self._answer(status, f"there is no cluster {name}")
        cluster = decode(CLUSTER, body)
        assignment = cluster.get("load_assignment")
        if assignment is None:
            service = cluster.get("eds_cluster_config", {}).get("service_name") or name
            self.found.assignment = service
            found = self._one("endpoints", service)
            assignment = decode(LOAD_ASSIGNMENT, found) if found is not None else {}
        self.found.endpoints = tuple(shown(*each) for each in addresses(assignment))
        if not self.found.endpoints:
            self._answer(503, f"cluster {name} has no endpoint that is ready")
        if cluster.get("type") in RESOLVED_BY_NAME:
            self._doubt("the endpoint is a name, which Envoy resolves; an address that it has not is a 503")
        self.found.forwarded = True


UNREACHABLE = ", for its backend cannot be reached (isoline check says why)"


def _matches(policy: Decoded, asked: Asked) -> bool:
    """Raises UnknownError for a policy that asks for more than a condition."""
    if any(
        UNREAD in each for each in (policy, *policy.get("permissions", []), *policy.get("principals", []))
    ):
        raise UnknownError("a permission or principal")
    return "condition" not in policy or condition.holds(policy["condition"], asked)


def _rewritten(path: str, match: Decoded, prefix: str) -> str:
    """With what the route matched by replaced; a path or a regular expression matches the
    whole.
    """
    if "path" in match or "safe_regex" in match:
        return prefix
    matched = str(match.get("path_separated_prefix", match.get("prefix", "")))
    return prefix + path[len(matched) :]


def _substituted(path: str, rewrite: Decoded) -> str:
    import re2  # noqa: PLC0415 - only where there is a regular expression

    result: str = re2.sub(rewrite.get("pattern", {}).get("regex", ""), rewrite.get("substitution", ""), path)
    return result
