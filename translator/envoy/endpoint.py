"""Load assignments, put together from endpoints that were encoded once.

Repeated fields of protobuf concatenate: a LocalityLbEndpoints is its locality followed by its LbEndpoint
fields in any number of pieces, a ClusterLoadAssignment its name followed by its localities.
"""

from collections.abc import Iterable

from runtime.wire import encode, field
from translator.envoy import v3

# Field numbers of envoy/config/endpoint/v3/endpoint.proto and endpoint_components.proto.
_ASSIGNMENT_ENDPOINTS = 2
_LOCALITY_LB_ENDPOINTS = 2


def lb_endpoint(address: str, port: int) -> bytes:
    """One endpoint as a field of a LocalityLbEndpoints."""
    socket = v3.SocketAddress(address=address, port_value=port)
    endpoint = v3.LbEndpoint(endpoint=v3.Endpoint(address=v3.Address(socket_address=socket)))
    return field(_LOCALITY_LB_ENDPOINTS, encode(endpoint))


def load_assignment(name: str, zones: Iterable[tuple[str, bytes]]) -> bytes:
    """The load assignment `name`: for each zone (empty = unknown) the fields that `lb_endpoint` made."""
    pieces = [encode(v3.ClusterLoadAssignment(cluster_name=name))]
    for zone, endpoints in zones:
        locality = encode(v3.LocalityLbEndpoints(locality=v3.Locality(zone=zone) if zone else None))
        pieces.append(field(_ASSIGNMENT_ENDPOINTS, locality + endpoints))
    return b"".join(pieces)
