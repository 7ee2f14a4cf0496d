"""What an xDS server is told at its start; a field for each flag of `isoline xds-server`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`resources` and `publish` are addresses of links (`ipc:///path`, `tcp://host:port`), `xds_listen` of
    gRPC (`unix:PATH`, `host:port`); `cluster_grace` in seconds.
    """

    resources: tuple[str, ...]
    publish: str
    xds_listen: tuple[str, ...]
    xds_tls: str | None = None
    cluster_grace: float = 60.0
    link_keys: str | None = None
    probe: str | None = None
    debug: str | None = None
    log_level: str = "info"
