"""A process's debug page, read over a unix socket or loopback."""

import asyncio
import contextlib
import http.client
from pathlib import Path
from typing import Any

import orjson

from isoline.up import unix_http

TARGET = "/debug/status"
SECONDS = 3.0
OK = 200


def page(address: str) -> dict[str, Any]:
    """The state of the process at `unix:PATH` or `host:port`.

    Raises ValueError for another address, OSError when nobody answers, or something else does.
    """
    if address.startswith("unix:"):
        status, body = asyncio.run(unix_http.get(Path(address.removeprefix("unix:")), TARGET))
    else:
        host, _, port = address.rpartition(":")
        if not host or not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
            raise ValueError("expected unix:PATH or host:port")
        status, body = _tcp(host.strip("[]"), int(port))
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise OSError(f"{address} is no debug page of isoline") from error
    if status != OK or not isinstance(found, dict):
        raise OSError(f"{address} is no debug page of isoline")
    return found


def _tcp(host: str, port: int) -> tuple[int, str]:
    with contextlib.closing(http.client.HTTPConnection(host, port, timeout=SECONDS)) as connection:
        try:
            connection.request("GET", TARGET)
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        except http.client.HTTPException as error:
            raise OSError(f"{host}:{port}: {error!r}") from error
