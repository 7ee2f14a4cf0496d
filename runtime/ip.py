"""IP addresses as text."""

import ipaddress


def is_ip(host: str) -> bool:
    """Whether a host is an IP address, without brackets, and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
