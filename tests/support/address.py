"""An address of this machine that an API server takes as an endpoint's: loopback ones it refuses."""

import socket

import pytest

# Nobody has it (RFC 5737), and nothing is sent: the kernel only says from where it would be.
NOBODY = ("198.51.100.1", 9)


def outward() -> str:
    """That by which others would see us; without a network the test is skipped."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(NOBODY)
        except OSError as error:
            pytest.skip(f"this machine has no address but loopback, which no EndpointSlice may name: {error}")
        return str(probe.getsockname()[0])
