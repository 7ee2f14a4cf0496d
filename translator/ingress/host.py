"""The hosts that a rule may name (k8s.io/apimachinery, IsDNS1123Subdomain and IsWildcardDNS1123Subdomain)."""

import re

from runtime.ip import is_ip
from translator import names, reasons
from translator.field import Field

_LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
LONGEST = 253
# The regular expression that counts the labels would be larger than an Envoy takes by default (RE2 program
# size 100).
MOST_WILDCARD_LABELS = 23


def normal(written: str) -> str | None:
    """The host as resources are named by it, in lower case; `*` for a blank one; None for an impossible
    one.
    """
    host = written.lower()
    if not host:
        return names.ANY_HOST
    if len(host) > LONGEST or not host.isascii() or _HOST.fullmatch(host) is None or is_ip(host):
        return None
    if host.startswith("*.") and host.count(".") >= MOST_WILDCARD_LABELS:
        return None
    return host


def read(field: Field) -> str | None:
    """The host of a rule; None when it cannot be served, which is told."""
    written = "" if not field.present else field.text()
    if written is None:
        return None
    host = normal(written)
    if host is None:
        field.tell(
            reasons.INVALID_HOST, f"host {written!r} is no DNS name, nor a wildcard such as *.example.com"
        )
    elif written != written.lower():
        field.tell(reasons.HOST_NOT_LOWERCASE, f"host {written!r} is served as {host!r}")
    return host
