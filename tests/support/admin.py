"""Envoy's admin interface over its unix socket: what an Envoy holds, and its counters."""

import json
import socket
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any


class Admin:
    """Reads the admin interface at the unix socket `path`; OSError while nobody answers there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, path: str) -> str:
        """The body that GET `path` answers."""
        return self._ask("GET", path)

    def post(self, path: str) -> str:
        """The same for POST, which changes something, such as `/logging`."""
        return self._ask("POST", path)

    def _ask(self, method: str, path: str) -> str:
        connection = _UnixConnection(self.path)
        try:
            connection.request(method, path)
            return connection.getresponse().read().decode()
        except HTTPException as error:
            raise OSError(f"{self.path}: {error!r}") from error
        finally:
            connection.close()

    def is_live(self) -> bool:
        """Whether the Envoy has finished its start."""
        return self.get("/ready").strip() == "LIVE"

    def dump(self, *resources: str) -> list[dict[str, Any]]:
        """Entries of the config dump: names of its repeated fields, such as `dynamic_active_clusters`."""
        found: list[dict[str, Any]] = []
        for resource in resources:
            found += json.loads(self.get(f"/config_dump?resource={resource}")).get("configs", [])
        return found

    def clusters(self) -> set[str]:
        """Names of the active clusters that came by xDS."""
        return {entry["cluster"]["name"] for entry in self.dump("dynamic_active_clusters")}

    def listeners(self) -> set[str]:
        """Names of the active listeners that came by xDS."""
        return {entry["name"] for entry in self.dump("dynamic_listeners") if "active_state" in entry}

    def hosts(self) -> dict[str, dict[str, Any]]:
        """Virtual hosts by name, of every route configuration that came by RDS and VHDS."""
        configs = [entry["route_config"] for entry in self.dump("dynamic_route_configs")]
        return {host["name"]: host for config in configs for host in config.get("virtual_hosts", [])}

    def endpoints(self) -> dict[str, set[str]]:
        """Addresses (`127.0.0.1:8080`) by cluster."""
        statuses = json.loads(self.get("/clusters?format=json")).get("cluster_statuses", [])
        return {
            status["name"]: {
                f"{address['address']}:{address['port_value']}"
                for host in status.get("host_statuses", [])
                if (address := host["address"].get("socket_address"))
            }
            for status in statuses
        }

    def rejected(self) -> dict[str, int]:
        """Counters of refused updates that are not 0: an Envoy that was sent only good ones has none."""
        stats = json.loads(self.get("/stats?filter=update_rejected&format=json"))["stats"]
        return {stat["name"]: stat["value"] for stat in stats if stat.get("value")}


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("admin", timeout=30.0)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
