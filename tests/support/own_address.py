"""Addresses that a backend may have though loopback is refused."""

import socket

import psutil
import pytest


def own_address() -> str:
    """An IPv4 address of this machine that is neither loopback nor link-local; skips the test without one."""
    for items in psutil.net_if_addrs().values():
        for item in items:
            if item.family == socket.AF_INET and not item.address.startswith(("127.", "169.254.")):
                return str(item.address)
    pytest.skip("this machine has no address but loopback")
