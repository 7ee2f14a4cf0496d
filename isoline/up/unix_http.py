"""One HTTP request over a unix socket, for probes and Envoy's admin interface."""

import asyncio
import contextlib
import http.client
import socket
from pathlib import Path

SECONDS = 2.0


async def get(path: Path, target: str) -> tuple[int, str]:
    """Status and body. Raises OSError when nobody answers."""
    return await asyncio.to_thread(_get, path, target)


def _get(path: Path, target: str) -> tuple[int, str]:
    with contextlib.closing(_Connection(path)) as connection:
        try:
            connection.request("GET", target)
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        except http.client.HTTPException as error:
            raise OSError(f"{path}: {error!r}") from error


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
