"""What stands in an Ingress's status, and whether it is from us."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import orjson

# What the API server takes as the name of a field manager.
MAX_MANAGER: Final = 128


def field_manager(namespace: str, lease: str) -> str:
    """The name under which the API server keeps which fields are ours: candidates for one Lease share it, and
    another installation in the cluster has another.
    """
    manager = f"isoline/{namespace}/{lease}"
    if len(manager) <= MAX_MANAGER:
        return manager
    digest = blake2b(manager.encode(), digest_size=8).hexdigest()
    return f"{manager[: MAX_MANAGER - 1 - len(digest)]}.{digest}"


@dataclass(frozen=True, slots=True)
class Written:
    """Of one Ingress: metadata.resourceVersion, status.loadBalancer.ingress as JSON, and whether some of its
    status is `ours`, that is, in metadata.managedFields.
    """

    version: str
    entries: bytes
    ours: bool

    @classmethod
    def of(cls, body: Mapping[str, Any], manager: str) -> "Written":
        """What an Ingress's body, as the API server sends it, says of what `manager` has written."""
        metadata = body["metadata"]
        balancer = (body.get("status") or {}).get("loadBalancer") or {}
        ours = any(
            entry.get("manager") == manager and entry.get("subresource") == "status"
            for entry in metadata.get("managedFields") or ()
        )
        entries = bytes(memoryview(orjson.dumps(balancer.get("ingress") or [])))
        return cls(metadata["resourceVersion"], entries, ours)
