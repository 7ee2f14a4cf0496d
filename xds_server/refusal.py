"""What is kept of the message with which an Envoy refuses a response.

It may quote the resource, private key included (measured: a Secret that fails validation came back in clear).
"""

from xds_server.resource_type import SECRETS, ResourceType

MAX_MESSAGE = 1000
WITHHELD = "the message is withheld, since it may quote a private key"
# What stands before it quotes the resource; what follows names the field.
VALIDATION = "Proto constraint validation failed"
# protobuf marks so what it prints for debugging.
QUOTED = "goo.gle/debug"


def kept(type_: ResourceType, message: str) -> str:
    """The message as it may be logged, shown and published: one line, without what may be secret."""
    if type_ is SECRETS:
        return WITHHELD
    _, found, after = message.rpartition(VALIDATION)
    reason, quoted, _ = (found + after).partition(QUOTED)
    if quoted and not found:
        return WITHHELD
    line = " ".join(reason.split())
    return line if len(line) <= MAX_MESSAGE else f"{line[: MAX_MESSAGE - 1]}…"
