"""What a Service offers: its ports by number and by name."""

import re
from dataclasses import dataclass

from translator import reasons
from translator.derive import View
from translator.field import Field
from translator.problem import Problem

# DNS-1123 label: what the API accepts as the name of a Service's port.
PORT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
TCP = "TCP"
# HTTP/2 in clear with prior knowledge (KEP-3726, the standard values of a Service's appProtocol).
H2C = "kubernetes.io/h2c"


@dataclass(frozen=True, slots=True)
class Port:
    """One port of a Service; `name` is empty when it has none. `h2c`: it is spoken to in HTTP/2."""

    number: int
    name: str
    protocol: str
    h2c: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """A Service as routes see it. `type` is ClusterIP, NodePort, LoadBalancer or ExternalName."""

    type: str
    ports: tuple[Port, ...]
    problems: tuple[Problem, ...]

    def port(self, written: str) -> Port | None:
        """The port that a route writes as a number or as a name. A TCP port before another of the same
        number.
        """
        found = [port for port in self.ports if str(port.number) == written] or [
            port for port in self.ports if port.name and port.name == written
        ]
        return next((port for port in found if port.protocol == TCP), found[0] if found else None)

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
    spec = Field(ref, body, "", problems)["spec"]
    spec.mapping(required=True)
    type_ = spec["type"].text() or "ClusterIP"
    ports = [port for item in spec["ports"].items() if (port := _port(item)) is not None]
    return Service(type_, tuple(ports), tuple(problems))


def _port(item: Field) -> Port | None:
    if not item.mapping(required=True):
        return None
    number = port_number(item["port"])
    name = item["name"].text() or ""
    if name and PORT_NAME.fullmatch(name) is None:
        item["name"].tell(reasons.INVALID_FIELD, f"{item['name'].path}: {name!r} is no name for a port")
        name = ""
    protocol = item["protocol"].text() or TCP
    return None if number is None else Port(number, name, protocol, item["appProtocol"].text() == H2C)


def port_number(field: Field) -> int | None:
    """A required port number, 1 to 65535; what is none is told."""
    number = field.number(required=True)
    if number is not None and not 1 <= number <= 65535:
        field.tell(
            reasons.INVALID_FIELD, f"{field.path}: expected a port number from 1 to 65535, found {number}"
        )
        return None
    return number
