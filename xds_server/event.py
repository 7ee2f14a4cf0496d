"""What an xDS server has to say of its peers, for the log and the metrics."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refused:
    """A peer refused a response of this type; `message` is what may be shown of its reason."""

    node: str
    peer: str
    type: str
    message: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """A peer asked for Secrets over a connection that must not carry them."""

    node: str
    peer: str


Event = Refused | Withheld
