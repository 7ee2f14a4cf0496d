"""Which names a Service of type ExternalName may have (core/v1, ServiceSpec.externalName)."""

import ipaddress
import re

from translator import address

_LABEL = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
LONGEST = 253
# Resolvers read a name that ends in a number as an address, in forms such as 127.1 and 0x7f000001 too
# (inet_aton).
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# What resolvers and their hosts files know without asking (RFC 6761, /etc/hosts of Debian and Alpine), and
# where clouds serve metadata and credentials.
_NEVER = frozenset(
    {"localhost", "localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback", "broadcasthost"}
)
_METADATA = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "instance-data",
        "instance-data.ec2.internal",
        "metadata.tencentyun.com",
    }
)


def refusal(written: str) -> str | None:
    """Why no request may be sent to a host of that name; None when it may.

    What a name resolves to is not asked here.
    """
    name = written.lower()
    if len(name) > LONGEST or not name.isascii() or _NAME.fullmatch(name) is None:
        return "is no DNS name"
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return _refused_address(name)
    if name.rpartition(".")[2] in _NEVER or name in _NEVER:
        return "is this machine's own"
    if name in _METADATA or name.startswith("metadata.google.internal."):
        return "is that of a cloud's metadata service"
    return None


def _refused_address(name: str) -> str | None:
    try:
        found = ipaddress.IPv4Address(name)
    except ValueError:
        return "is no DNS name, as it ends in a number, and no IPv4 address"
    wrong = address.refusal(found)
    return None if wrong is None else f"is {wrong}"
