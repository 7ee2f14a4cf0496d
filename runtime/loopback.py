"""Hosts that nobody beyond this machine can reach."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a host, a name or an IP address without brackets, is this machine and no other can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
