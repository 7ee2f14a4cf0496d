"""Where Envoy is reached from outside, as it stands in the status of Ingresses."""

from collections.abc import Iterable, Mapping
from typing import Any

from runtime.ip import is_ip
from watcher.cluster.report.ingress_status import Address
from watcher.cluster.shape import mapping, mappings, text


def of_words(words: Iterable[str]) -> tuple[Address, ...]:
    """IP addresses and host names as the operator writes them."""
    return tuple({"ip": word} if is_ip(word) else {"hostname": word} for word in words)


def of_service(body: Mapping[str, Any]) -> tuple[Address, ...] | None:
    """Those that a load balancer has for a Service, else its `spec.externalIPs`; empty for neither, and None
    while its load balancer is still to come, or comes again.
    """
    balancer = mapping(mapping(body.get("status")).get("loadBalancer"))
    found = [
        {kind: value for kind in ("ip", "hostname") if (value := text(entry.get(kind)))}
        for entry in mappings(balancer.get("ingress"))
    ]
    spec = mapping(body.get("spec"))
    external = spec.get("externalIPs")
    words = filter(None, map(text, external)) if isinstance(external, list) else ()
    addresses = tuple(filter(None, found)) or of_words(words)
    return None if not addresses and spec.get("type") == "LoadBalancer" else addresses
