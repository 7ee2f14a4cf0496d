"""What stands in an Ingress's status, and whether it is from us."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import orjson

from watcher.cluster.shape import mapping, mappings, text
from watcher.kinds import InvalidError

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
    """Of one Ingress: metadata.resourceVersion, its `addresses`, and whether some of its status is `ours`,
    that is, in metadata.managedFields; there are `others` who have written some, too. And metadata.uid.
    """

    version: str
    addresses: bytes
    ours: bool
    others: tuple[str, ...] = ()
    uid: str = ""

    @classmethod
    def of(cls, body: Mapping[str, Any], manager: str) -> "Written":
        """What an Ingress's body, as the API server sends it, says of what `manager` has written. Raises
        InvalidError for one without version, which no API server sends.
        """
        metadata = mapping(body.get("metadata"))
        version = text(metadata.get("resourceVersion"))
        if not version:
            raise InvalidError("metadata.resourceVersion: expected a string")
        # Of thousands of Ingresses a few managers.
        managers = {
            sys.intern(text(entry.get("manager")))
            for entry in mappings(metadata.get("managedFields"))
            if entry.get("subresource") == "status"
        }
        balancer = mapping(mapping(body.get("status")).get("loadBalancer"))
        return cls(
            version,
            addresses(mappings(balancer.get("ingress"))),
            ours=manager in managers,
            others=tuple(sorted(managers - {manager, ""})),
            uid=text(metadata.get("uid")),
        )


def addresses(entries: Iterable[Mapping[str, Any]]) -> bytes:
    """The addresses of status.loadBalancer.ingress, the same bytes for the same: without their order, and
    without `ports`, which others add.
    """
    pairs = {(text(entry.get("ip")), text(entry.get("hostname"))) for entry in entries}
    return bytes(memoryview(orjson.dumps(sorted(pairs))))
