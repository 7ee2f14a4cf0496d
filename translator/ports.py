"""What a Service offers: its ports by number and by name, and how they are spoken to."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from translator import external_name, names, reasons, service_annotation, unknown_annotation
from translator.derive import View
from translator.field import Field
from translator.model import NO_LIMITS, Cluster, External, Limits, Speech
from translator.problem import Problem

# DNS-1123 label: what the API accepts as the name of a Service's port.
PORT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
TCP = "TCP"
EXTERNAL_NAME = "ExternalName"
# The values of a port's appProtocol that say what HTTP is spoken (KEP-3726 for those of Kubernetes, IANA's
# names for the others); every other value is for somebody else.
APP_PROTOCOLS: Mapping[str, Speech] = {
    "http": Speech.HTTP1,
    "https": Speech.TLS,
    "kubernetes.io/h2c": Speech.H2C,
    "kubernetes.io/ws": Speech.HTTP1,
    "kubernetes.io/wss": Speech.TLS,
}
# Where two name one port, the first counts (Contour's order).
SPEECHES = (
    (service_annotation.TLS, Speech.TLS),
    (service_annotation.H2C, Speech.H2C),
    (service_annotation.H2, Speech.H2),
)
# In the order of the fields of Limits.
LIMITS = (
    service_annotation.MAX_CONNECTIONS,
    service_annotation.MAX_PENDING_REQUESTS,
    service_annotation.MAX_REQUESTS,
    service_annotation.MAX_RETRIES,
    service_annotation.PER_HOST_MAX_CONNECTIONS,
)
# Of the ports that an annotation names and its Service has not; the rest is not worth a line each.
MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Port:
    """One port of a Service; `name` is empty when it has none."""

    number: int
    name: str
    protocol: str
    speech: Speech = Speech.HTTP1


@dataclass(frozen=True, slots=True)
class Service:
    """A Service as routes see it. `type` is ClusterIP, NodePort, LoadBalancer or ExternalName.

    `external` is the host of one of type ExternalName, None when it is refused or such Services are off.
    """

    type: str
    ports: tuple[Port, ...]
    problems: tuple[Problem, ...]
    limits: Limits = NO_LIMITS
    external: str | None = None
    _by_written: Mapping[str, Port] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """A number before a name that looks like it, TCP before others, the first before the rest."""
        found: dict[str, Port] = {}
        for written in (lambda port: str(port.number), lambda port: port.name):
            mine: dict[str, Port] = {}
            for port in sorted(self.ports, key=lambda port: port.protocol != TCP):
                mine.setdefault(written(port), port)
            found = mine | found
        found.pop("", None)
        object.__setattr__(self, "_by_written", found)

    def port(self, written: str) -> Port | None:
        """The port that a route writes as a number or as a name. A TCP port before another of the same
        number.
        """
        return self._by_written.get(written)

    def cluster(self, name: str, port: Port) -> Cluster | None:
        """What the cluster of a port is made of, `name` being the Service's `namespace/name`; None where
        there can be none.
        """
        if self.type == EXTERNAL_NAME:
            if self.external is None:
                return None
            return Cluster(External(self.external, port.number), port.speech, self.limits)
        namespace, service_name = name.split("/")
        return Cluster(names.load_assignment(namespace, service_name, port.name), port.speech, self.limits)

    @property
    def ports_shown(self) -> str:
        """`; it has 80 (http), 443`: what somebody may have meant; empty for a Service without ports."""
        named = [f"{port.number} ({port.name})" if port.name else str(port.number) for port in self.ports]
        most = 5  # a message is one line
        more = f" and {len(named) - most} more" if len(named) > most else ""
        return f"; it has {', '.join(named[:most])}{more}" if named else ""


def service(view: View, name: str) -> Service | None:
    """The Service `namespace/name`; None where there is none."""
    ref = f"Service/{name}"
    body = view.object(ref)
    if body is None:
        return None
    problems: list[Problem] = []
    root = Field(ref, body, "", problems)
    spec = root["spec"]
    spec.mapping(required=True)
    type_ = spec["type"].text() or "ClusterIP"
    place = root["metadata"]["annotations"]
    annotations = place.texts()
    spoken = dict(_spoken(annotations, place))
    ports = [port for item in spec["ports"].items() if (port := _port(item, spoken)) is not None]
    _tell_absent(annotations, place, ports)
    limits = Limits(*(each.of(annotations, place) for each in LIMITS))
    unknown_annotation.tell("Service", annotations, place)
    external = None
    if type_ == EXTERNAL_NAME and view.settings.enable_external_name:
        external = _external(spec["externalName"])
    return Service(type_, tuple(ports), tuple(problems), limits, external)


def _spoken(annotations: Mapping[str, str], place: Field) -> Iterator[tuple[str, Speech]]:
    """What each port is spoken to in, as it is written in an annotation; what counts comes last."""
    for annotation, speech in reversed(SPEECHES):
        for written in annotation.of(annotations, place):
            yield written, speech


def _tell_absent(annotations: Mapping[str, str], place: Field, ports: list[Port]) -> None:
    """Tells what an annotation names and the Service has not, and what two of them name."""
    known = {str(port.number) for port in ports} | {port.name for port in ports}
    first: dict[str, str] = {}
    for annotation, _ in SPEECHES:
        listed = annotation.of(annotations, place)
        for written in [port for port in listed if port not in known][:MOST_TOLD]:
            place[annotation.name].tell(
                reasons.INVALID_ANNOTATION,
                f"{annotation.name} names port {written}, which the Service does not have",
            )
        for written in [port for port in listed if port in known]:
            if written in first:
                place[annotation.name].tell(
                    reasons.INVALID_ANNOTATION,
                    f"{annotation.name} names port {written}, as {first[written]} does, which counts",
                )
            first.setdefault(written, annotation.name)


def _external(field: Field) -> str | None:
    """The host of a Service of type ExternalName; None for one that is refused, which is told."""
    written = field.text(required=True)
    if written is None:
        return None
    wrong = external_name.refusal(written)
    if wrong is not None:
        field.tell(reasons.EXTERNAL_NAME_REFUSED, f"externalName {written!r} {wrong}")
        return None
    return written.lower()


def _port(item: Field, spoken: Mapping[str, Speech]) -> Port | None:
    if not item.mapping(required=True):
        return None
    number = port_number(item["port"])
    name = item["name"].text() or ""
    if name and PORT_NAME.fullmatch(name) is None:
        item["name"].tell(reasons.INVALID_FIELD, f"{item['name'].path}: {name!r} is no name for a port")
        name = ""
    protocol = item["protocol"].text() or TCP
    app_protocol = APP_PROTOCOLS.get(item["appProtocol"].text() or "")
    if number is None:
        return None
    annotated = spoken.get(name) or spoken.get(str(number))
    return Port(number, name, protocol, app_protocol or annotated or Speech.HTTP1)


def port_number(field: Field) -> int | None:
    """A required port number, 1 to 65535; what is none is told."""
    number = field.number(required=True)
    if number is not None and not 1 <= number <= 65535:
        field.tell(
            reasons.INVALID_FIELD, f"{field.path}: expected a port number from 1 to 65535, found {number}"
        )
        return None
    return number
