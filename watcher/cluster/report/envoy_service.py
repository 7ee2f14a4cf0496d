"""The Service whose addresses are Envoy's."""

from collections.abc import Callable

import structlog

from watcher.cluster.reflector import Reflector
from watcher.cluster.report.envoy_addresses import of_service
from watcher.cluster.report.ingress_status import Address
from watcher.cluster.source import one_service

log = structlog.get_logger()


class EnvoyService:
    """Namespace and name, `edge/envoy`; the namespace need not be one of those that are read. `reflector` is
    to be followed.
    """

    def __init__(self, service: str, chance: Callable[[], float]) -> None:
        namespace, _, name = service.partition("/")
        self.reflector = Reflector(one_service(namespace, name), chance, of_service)
        self._service = service
        self._told = ""

    def addresses(self) -> tuple[Address, ...] | None:
        """None while nobody knows them; why is told once. Empty when there are none."""
        if not self.reflector.known:
            return None  # which is told where it is followed
        services = self.reflector.objects
        found: tuple[Address, ...] | None = next(iter(services.facts.values()), None)
        why = ""
        if found is None:
            why = "its load balancer has no address yet" if len(services) else "there is no such Service"
        if why and why != self._told:
            log.warning(
                "addresses of Envoy not known, statuses stay as they are", service=self._service, error=why
            )
        self._told = why
        return found
