"""The addresses that a publisher's name stands for, tried one after the other."""

import asyncio
import socket

import structlog

from runtime.link.address import Address

log = structlog.get_logger()

AGAIN_SECONDS = 1.0


class Endpoints:
    """Chooses what to connect to: the address of the name that was tried longest ago, so each has its turn.

    The name is resolved anew each time: behind a headless Service addresses come and go.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._tried: dict[str, None] = {}  # in order, the newest last

    @property
    def newest(self) -> str | None:
        """What was chosen last."""
        return next(reversed(self._tried), None)

    async def next(self) -> str:
        """Waits until the name resolves."""
        if self._address.path is not None:
            return self._chosen([self._address.endpoint()])
        told = False
        while True:
            try:
                found = await asyncio.get_running_loop().getaddrinfo(
                    self._address.host, self._address.port, type=socket.SOCK_STREAM
                )
            except OSError as error:
                if not told:
                    log.warning("name does not resolve", address=self._address.text, error=str(error))
                told = True
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return self._chosen([self._address.endpoint(str(entry[4][0])) for entry in found])

    def _chosen(self, endpoints: list[str]) -> str:
        order = list(self._tried)
        chosen = min(endpoints, key=lambda each: order.index(each) if each in self._tried else -1)
        self._tried = {each: None for each in self._tried if each in endpoints and each != chosen}
        self._tried[chosen] = None
        return chosen
