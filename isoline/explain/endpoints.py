"""The addresses in a load assignment."""

from collections.abc import Iterator

from isoline.explain.schema import Decoded


def addresses(assignment: Decoded) -> Iterator[tuple[str, int]]:
    """Address and port of each endpoint."""
    for locality in assignment.get("endpoints", []):
        for each in locality.get("lb_endpoints", []):
            socket = each.get("endpoint", {}).get("address", {}).get("socket_address", {})
            yield socket.get("address", ""), socket.get("port_value", 0)


def shown(address: str, port: int) -> str:
    """As it stands in a URL."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
