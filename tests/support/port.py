"""Ports that nobody uses now and that no outgoing connection is given meanwhile."""

import itertools
import os
import random
import socket

# Below the range that the kernel gives to outgoing connections (32768 and up), one piece for each worker.
_PIECE = 2_500
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
_next = itertools.count(random.SystemRandom().randrange(_PIECE))


def free_port() -> int:
    """A TCP port of 127.0.0.1 and 0.0.0.0 that can be bound now; no port is given twice in a row."""
    for number in itertools.islice(_next, _PIECE):
        port = 12_000 + _worker * _PIECE + number % _PIECE
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))  # noqa: S104 - bound and closed at once
            except OSError:
                continue
        return port
    raise AssertionError("no free port")
