"""What `isoline up` is told; a field for each flag."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from isoline.kubeconfig import Kubeconfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`source` is a folder or a cluster; `envoy` the binary, None with `--no-envoy`; `xds_listen` an address
    for further Envoys.
    """

    source: Path | Kubeconfig
    envoy: Path | None
    http_port: int
    https_port: int
    stats_port: int
    listen: str
    loopback_endpoints: Literal["allow", "refuse"]
    redirect_port: int
    default_certificate: str | None
    clusters: Literal["referenced", "all"]
    ingress_class: tuple[str, ...]
    enable_external_name: bool
    xds_listen: str | None
    xds_tls: str | None
    log_level: str
