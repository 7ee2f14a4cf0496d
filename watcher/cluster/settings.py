"""What a watcher of a cluster is told at its start; a field for each flag of `isoline watcher`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`kubeconfig` is None in a pod. `publish` is an address of the link (`ipc:///path`, `tcp://host:port`).

    `watch_namespace` are the only namespaces to read, none for all. `statuses` are the translators'
    addresses, whose statuses are written to the cluster; with none nothing is ever written. `status_address`
    are the IP addresses and host names that served Ingresses get as theirs, or else those of the Service
    `publish_service` (namespace/name).
    """

    publish: str
    kubeconfig: str | None = None
    context: str | None = None
    watch_namespace: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    status_address: tuple[str, ...] = ()
    publish_service: str | None = None
    link_keys: str | None = None
    probe: str | None = None
    debug: str | None = None
    log_level: str = "info"
