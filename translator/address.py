"""Addresses at which Envoy itself or a cloud's metadata service answers: no user may send requests there."""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Where clouds serve metadata and credentials outside the link-local ranges: AWS and GCP over IPv6, Alibaba,
# Azure, Oracle (their documentation of instance metadata).
METADATA = frozenset(
    ipaddress.ip_address(address)
    for address in ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)


def refusal(address: Address) -> str | None:
    """What the address is, when nothing may be sent to it; None when it may."""
    real = getattr(address, "ipv4_mapped", None) or address
    if real in METADATA:
        return "an address of a cloud's metadata service"
    if real.is_loopback or real.is_link_local or real.is_unspecified or real.is_multicast:
        return "loopback, link-local, multicast or unspecified"
    return None
