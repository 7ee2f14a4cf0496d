"""Kubernetes objects as plain data, and a folder of manifests that is edited as an editor does."""

import json
from pathlib import Path
from typing import Any

from tests.support.backend import Backend

Object = dict[str, Any]


def path(path: str, service: str, port: int | str = 80, kind: str = "Prefix") -> Object:
    """One entry of `http.paths`."""
    return {"path": path, "pathType": kind, "backend": _backend(service, port)}


def rule(host: str, *paths: Object) -> Object:
    """One entry of `rules`; host "" is a rule without host."""
    return ({"host": host} if host else {}) | {"http": {"paths": list(paths)}}


def ingress(
    name: str, *rules: Object, default: str = "", annotations: dict[str, str] | None = None, created: str = ""
) -> Object:
    """An Ingress in namespace `default`; `default` is the Service (port 80) of its default backend."""
    metadata: Object = {"name": name, "namespace": "default"}
    metadata |= {"annotations": annotations} if annotations else {}
    metadata |= {"creationTimestamp": created} if created else {}
    spec: Object = {"rules": list(rules)} if rules else {}
    spec |= {"defaultBackend": _backend(default, 80)} if default else {}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def service(name: str, port: int = 80, *, app_protocol: str = "") -> Object:
    """A Service with one port called `http`."""
    item: Object = {"name": "http", "port": port, "protocol": "TCP"}
    item |= {"appProtocol": app_protocol} if app_protocol else {}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [item]}}


def endpoints(service: str, *backends: Backend | int, ready: bool = True) -> Object:
    """An EndpointSlice of `service`, a number being a port of 127.0.0.1; slices have one port."""
    ports = {item if isinstance(item, int) else item.port for item in backends}
    addresses = {"127.0.0.1" if isinstance(item, int) else item.address for item in backends}
    assert len(ports) <= 1, "one slice, one port"
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{service}-1",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [address], "conditions": {"ready": ready}} for address in sorted(addresses)
        ],
        "ports": [{"name": "http", "port": port, "protocol": "TCP"} for port in ports],
    }


def served(name: str, backend: Backend, *, app_protocol: str = "") -> tuple[Object, Object]:
    """A Service and the EndpointSlice that leads to `backend`."""
    return service(name, app_protocol=app_protocol), endpoints(name, backend)


def _backend(service: str, port: int | str) -> Object:
    return {"service": {"name": service, "port": {"name" if isinstance(port, str) else "number": port}}}


class Folder:
    """A folder of manifests."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def write(self, file: str, *objects: Object) -> None:
        """Puts the objects into `file` by rename, so that no half of it is ever seen."""
        self.write_text(file, "\n---\n".join(json.dumps(item, indent=1) for item in objects) + "\n")

    def write_text(self, file: str, text: str | bytes) -> None:
        """As `write`, for text that need not be a manifest at all."""
        draft = self.root / f".{file}.draft"
        draft.write_bytes(text.encode() if isinstance(text, str) else text)
        draft.replace(self.root / file)

    def remove(self, file: str) -> None:
        """Deletes `file`."""
        (self.root / file).unlink()
