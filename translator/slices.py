"""What an EndpointSlice lists: addresses by port name and zone."""

import ipaddress
from dataclasses import dataclass
from typing import Any

from translator import reasons
from translator.address import refusal
from translator.derive import View
from translator.field import Field
from translator.ports import TCP, port_number
from translator.problem import Problem

INDEX = "slices"  # namespace/service → EndpointSlices
LABEL = "kubernetes.io/service-name"
FAMILIES = {"IPv4": ipaddress.IPv4Address, "IPv6": ipaddress.IPv6Address}


@dataclass(frozen=True, slots=True)
class Group:
    """The endpoints of one port in one zone, sorted; `draining` ones are not ready, but serve while they
    terminate.
    """

    port_name: str
    port: int
    zone: str
    draining: bool
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """The groups of one EndpointSlice."""

    groups: tuple[Group, ...]
    problems: tuple[Problem, ...]


NOTHING = Slice((), ())


def services(body: dict[str, Any]) -> set[str]:
    """`namespace/service` of the Service that an EndpointSlice object belongs to: for the index."""
    metadata = Field("", body, "", [])["metadata"]
    name = metadata["labels"][LABEL].text()
    namespace = metadata["namespace"].text() or "default"
    return {f"{namespace}/{name}"} if name else set()


def slice_(view: View, ref: str) -> Slice:
    """The EndpointSlice of that reference, without what cannot be reached, which is told. FQDN slices are
    ignored.
    """
    body = view.object(ref)
    if body is None or body.get("addressType") == "FQDN":
        return NOTHING
    problems: list[Problem] = []
    root = Field(ref, body, "", problems)
    family = root["addressType"].text(required=True)
    if family is not None and family not in FAMILIES:
        root["addressType"].tell(
            reasons.INVALID_FIELD, f"addressType: expected IPv4 or IPv6, found {family!r}"
        )
    if family not in FAMILIES:
        return Slice((), tuple(problems))
    ports = [port for item in root["ports"].items() if (port := _port(item)) is not None]
    allow = view.settings.loopback_endpoints == "allow"
    found: dict[tuple[str, bool], list[str]] = {}
    for item in root["endpoints"].items():
        if item.mapping(required=True) and (condition := _draining(item["conditions"])) is not None:
            zone = item["zone"].text() or ""
            for address in item["addresses"].items(required=True):
                text = _address(address, FAMILIES[family], allow=allow)
                if text is not None:
                    found.setdefault((zone, condition), []).append(text)
    groups = [
        Group(name, number, zone, draining, tuple(sorted(set(addresses))))
        for name, number in dict.fromkeys(ports)
        for (zone, draining), addresses in sorted(found.items())
    ]
    return Slice(tuple(groups), tuple(problems))


def _port(item: Field) -> tuple[str, int] | None:
    """(name, number) of a TCP port; None for one that cannot be used. A port without number means every
    port.
    """
    if not item.mapping(required=True) or (item["protocol"].text() or TCP) != TCP or not item["port"].present:
        return None
    number = port_number(item["port"])
    return None if number is None else (item["name"].text() or "", number)


def _draining(conditions: Field) -> bool | None:
    """False for a ready endpoint (an unknown `ready` counts as ready), True for a draining one, None for
    others.
    """
    ready = conditions["ready"].flag() if conditions.mapping() else None
    if ready is None or ready:
        return False
    return True if conditions["serving"].flag() and conditions["terminating"].flag() else None


def _address(field: Field, family: Any, *, allow: bool) -> str | None:  # noqa: ANN401 - a class of ipaddress
    text = field.text(required=True)
    if text is None:
        return None
    try:
        address = family(text)
    except ValueError:
        field.tell(reasons.INVALID_FIELD, f"{field.path}: {text!r} is no address of the slice's addressType")
        return None
    if getattr(address, "scope_id", None) is not None:
        field.tell(reasons.INVALID_FIELD, f"{field.path}: {text!r} carries a zone, which Envoy cannot use")
        return None
    if not allow and (wrong := refusal(address)) is not None:
        field.tell(reasons.ENDPOINT_REFUSED, f"address {text} is {wrong}")
        return None
    return str(address)  # one form of an IPv6 address, so that it counts once however it is written
