"""What a stream and its server know of each other."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from xds_server.composition import Composition
from xds_server.draft import Draft
from xds_server.resource_type import ResourceType
from xds_server.responses import Response, Responses

if TYPE_CHECKING:
    from xds_server.stream import Stream


class PeerError(Exception):
    """The peer is wrong: its stream ends with this status code of gRPC, by name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """What a stream was opened for. `type_` is None for the aggregated service."""

    delta: bool
    type_: ResourceType | None = None


class Service(Protocol):
    """What a stream asks of its server; `nothing` is an empty table, `grace` as of `Grace`."""

    responses: Responses
    grace: float
    nothing: Composition

    def view(self, fleet: str, *, inline: bool) -> Composition:
        """The table of a fleet; `nothing` for a fleet that there isn't."""

    def sent(self, stream: "Stream", draft: Draft, response: Response) -> None:
        """Told of each response."""

    def refused(self, stream: "Stream", type_: ResourceType, message: str) -> None:
        """Told of each refusal, with what may be shown of its message."""

    def withheld(self, stream: "Stream") -> None:
        """Told when Secrets are asked for over a connection that must not carry them."""
