"""Objects as an API server sends them, and the lines of a watch, with only what matters named."""

from collections.abc import Mapping
from typing import Any

import orjson

Body = dict[str, Any]
# Of a TLS Secret; nothing here looks into it.
PAIR = {"tls.crt": "Y3J0", "tls.key": "a2V5"}


def body(kind: str, name: str, version: int, **more: object) -> Body:
    """Of namespace `default`, unless `namespace` says another; `uid` is the name unless it is said."""
    namespace, uid = more.pop("namespace", "default"), more.pop("uid", name)
    metadata = {"name": name, "namespace": namespace, "uid": uid, "resourceVersion": str(version)}
    return {"kind": kind, "metadata": {**metadata, **more.pop("metadata", {})}, **more}


def service(name: str, version: int = 1, *, port: int = 80, **more: object) -> Body:
    return body("Service", name, version, spec={"ports": [{"port": port}]}, **more)


def secret(name: str, version: int = 1, *, type_: str = "kubernetes.io/tls", **more: object) -> Body:
    return body("Secret", name, version, **{"type": type_, "data": PAIR, **more})


def delegation(name: str, version: int = 1, **more: object) -> Body:
    return body("TLSCertificateDelegation", name, version, spec={"delegations": []}, **more)


def line(type_: str, object_: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"type": type_, "object": object_}) + b"\n"


def added(object_: Body) -> bytes:
    return line("ADDED", object_)


def modified(object_: Body) -> bytes:
    return line("MODIFIED", object_)


def deleted(object_: Body) -> bytes:
    return line("DELETED", object_)


def bookmark(version: int) -> bytes:
    return line("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})


def whole(version: int) -> bytes:
    """The bookmark that ends a list which comes as a stream."""
    annotations = {"k8s.io/initial-events-end": "true"}
    return line("BOOKMARK", {"metadata": {"resourceVersion": str(version), "annotations": annotations}})


def error(code: int, message: str) -> bytes:
    return line("ERROR", {"kind": "Status", "status": "Failure", "code": code, "message": message})


def page(*items: Body, version: int | str, token: str = "") -> bytes:
    metadata = {"resourceVersion": str(version), **({"continue": token} if token else {})}
    return orjson.dumps({"metadata": metadata, "items": items})
