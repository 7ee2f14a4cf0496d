"""The annotations of a Service, declared as those of an Ingress are."""

import re
from typing import Any

from translator.ingress.annotation import Annotation, UnusableError

SERVICE = ("Service",)
MOST = 2**32 - 1  # a uint32 of envoy.config.cluster.v3.CircuitBreakers.Thresholds


def _limit(written: str) -> int | None:
    """A bound; None, Envoy's own, for 0 (Contour's reading)."""
    if not re.fullmatch(r"[0-9]{1,10}", written) or int(written) > MOST:
        raise UnusableError(f"expected a number from 0 to {MOST}")
    return int(written) or None


def _ports(written: str) -> tuple[str, ...]:
    """Names or numbers of ports, each once, in the order written."""
    return tuple(dict.fromkeys(port.strip() for port in written.split(",") if port.strip()))


def _bound(name: str, help_: str, example: str) -> Annotation[int | None]:
    return Annotation(f"projectcontour.io/{name}", SERVICE, "number", None, _limit, help_, example)


def _upstream(name: str, help_: str, example: str) -> Annotation[tuple[str, ...]]:
    type_ = "comma list of port names or numbers"
    return Annotation(
        f"projectcontour.io/upstream-protocol.{name}", SERVICE, type_, (), _ports, help_, example
    )


MAX_CONNECTIONS = _bound(
    "max-connections", "How many connections an Envoy opens to the Service; absent or 0: Envoy's 1024.", "200"
)
MAX_PENDING_REQUESTS = _bound(
    "max-pending-requests",
    "How many requests wait in an Envoy for a connection; absent or 0: Envoy's 1024.",
    "50",
)
MAX_REQUESTS = _bound(
    "max-requests", "How many requests an Envoy has under way; absent or 0: Envoy's 1024.", "500"
)
MAX_RETRIES = _bound("max-retries", "How many retries an Envoy has under way; absent or 0: Envoy's 3.", "10")
PER_HOST_MAX_CONNECTIONS = _bound(
    "per-host-max-connections",
    "How many connections an Envoy opens to one endpoint; absent or 0: any number.",
    "20",
)
TLS = _upstream(
    "tls", "These ports are spoken to in HTTP/1.1 over TLS; their certificate is not checked.", "443"
)
H2 = _upstream(
    "h2", "These ports are spoken to in HTTP/2 over TLS; their certificate is not checked.", "grpcs"
)
H2C = _upstream("h2c", "These ports are spoken to in HTTP/2 without TLS.", "grpc,8081")

ALL: tuple[Annotation[Any], ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Annotation)
)
