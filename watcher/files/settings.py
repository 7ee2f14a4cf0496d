"""What a watcher is told at its start; a field for each flag of `isoline watcher`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`folder` holds the manifests; `publish` is an address of the link (`ipc:///path`, `tcp://host:port`).

    `statuses` is where a cluster's statuses come from; a folder has none.
    """

    folder: str
    publish: str
    statuses: str | None = None
    link_keys: str | None = None
    probe: str | None = None
    debug: str | None = None
    log_level: str = "info"
