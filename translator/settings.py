"""What a translator is told at its start; a field for each flag of `isoline translator`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Addresses are those of the link (`ipc:///path`, `tcp://host:port`); the defaults of meaning are a
    cluster's.
    """

    objects: str = ""
    publish: str = ""
    rejections: tuple[str, ...] = ()
    link_keys: str | None = None
    shards: int = 1
    shard: int = 0
    clusters: Literal["referenced", "all"] = "referenced"
    ingress_class: tuple[str, ...] = ()  # exactly these; empty: isoline's own, and Ingresses without class
    enable_external_name: bool = False
    listen: str = "0.0.0.0"  # noqa: S104 - an ingress is reached from everywhere
    http_port: int = 8080
    https_port: int = 8443
    default_certificate: str | None = None  # namespace/name of a Secret
    redirect_port: int = 443
    loopback_endpoints: Literal["allow", "refuse"] = "refuse"
    proxy_protocol: bool = False
    xff_num_trusted_hops: int = 0
    probe: str | None = None
    debug: str | None = None
    log_level: str = "info"
