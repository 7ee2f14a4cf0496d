"""Where Envoy is reached from outside, as it stands in the status of Ingresses."""

from collections.abc import Iterable, Mapping
from typing import Any

from runtime.ip import is_ip
from watcher.cluster.report.ingress_status import Address


def of_words(words: Iterable[str]) -> tuple[Address, ...]:
    """IP addresses and host names as the operator writes them."""
    return tuple({"ip": word} if is_ip(word) else {"hostname": word} for word in words)


def of_service(body: Mapping[str, Any]) -> tuple[Address, ...]:
    """Those that a load balancer has for a Service, else its `spec.externalIPs`; empty for neither."""
    balancer = (body.get("status") or {}).get("loadBalancer") or {}
    found = [
        {kind: entry[kind] for kind in ("ip", "hostname") if entry.get(kind)}
        for entry in balancer.get("ingress") or ()
    ]
    return tuple(filter(None, found)) or of_words((body.get("spec") or {}).get("externalIPs") or ())
