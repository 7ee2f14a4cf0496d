"""The ZeroMQ edge of a replica: an XSUB socket that follows one table."""

import asyncio
import contextlib
import math
import secrets
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import structlog
import zmq

from runtime.link import frames
from runtime.link.address import Address
from runtime.link.endpoints import Endpoints
from runtime.link.keys import LinkKeys
from runtime.link.metrics import REFUSED, RESYNCS, ROWS, SNAPSHOTS
from runtime.link.replica import Replica
from runtime.link.row import Change, Row
from runtime.link.socket import MAX_FRAME, Socket

log = structlog.get_logger()

# How often it is seen whether the socket is broken or the publisher lost.
LOOK_SECONDS = 1.0


class LinkReplica:
    """Follows one table of a publisher. `peer` names its key; a name with several addresses is followed at
    one of them until that is lost. Raises StartError for an address that may not be used.
    """

    def __init__(self, address: str, table: str, peer: str = "", keys: LinkKeys | None = None) -> None:
        self._address = Address.parse(address)
        self._address.demand_keys(given=keys is not None)
        self._keys = keys if self._address.path is None else None
        self._server = self._keys.peer(peer) if self._keys is not None else None
        self._core = Replica(table, secrets.token_hex(8))
        ROWS.labels(table, address).set_function(lambda: len(self._core.rows))
        self._socket: Socket | None = None
        self._changed = asyncio.Event()
        self._wake = asyncio.Event()
        self._endpoints = Endpoints(self._address)

    @property
    def rows(self) -> Mapping[str, Row]:
        """What is held now, a view: it changes as batches arrive."""
        return MappingProxyType(self._core.rows)

    async def changed(self) -> None:
        """Waits until `take` has something."""
        await self._changed.wait()

    def take(self) -> Change:
        """All that has changed since the last call, newest wins, whole batches only."""
        self._changed.clear()
        return self._core.take()

    def status(self) -> dict[str, Any]:
        """For /debug/status."""
        core = self._core
        return {
            "address": self._address.text,
            "connected": self._endpoints.newest,
            "table": core.table,
            "epoch": core.epoch,
            "sequence": core.sequence,
            "synced": core.synced,
            "rows": len(core.rows),
            "heard_seconds_ago": None if core.heard is None else round(time.monotonic() - core.heard, 3),
            "batches": core.counters.batches,
            "snapshots": core.counters.snapshots,
            "resyncs": core.counters.resyncs,
            "refused": core.counters.refused,
        }

    async def run(self) -> None:
        """Follows the table until cancelled."""
        try:
            while True:
                endpoint = await self._endpoints.next()
                await self._follow(endpoint, self._connect(endpoint))
        finally:
            self._close()

    async def _follow(self, endpoint: str, opened: Socket) -> None:
        """Until the publisher is lost; over ipc there is no other to go to."""
        while True:
            opened.drain()  # before patience is lost with what has long arrived
            if opened.error is not None:
                raise opened.error
            now = time.monotonic()
            if self._address.path is None and self._core.lost(now):
                log.warning("link lost", table=self._core.table, address=endpoint, heard=self._core.heard)
                return
            self._ask(now)
            due = min(self._core.deadline() or math.inf, now + LOOK_SECONDS)
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(due - now, 0.001)):
                    await self._wake.wait()

    def _ask(self, now: float) -> None:
        for request in self._core.requests(now):
            if self._socket is not None:
                self._socket.send([request])

    def _connect(self, endpoint: str) -> Socket:
        self._close()
        opened = self._socket = Socket(zmq.Context.instance(), zmq.XSUB, self._receive)
        opened.zmq.setsockopt(zmq.LINGER, 0)
        opened.zmq.setsockopt(zmq.MAXMSGSIZE, MAX_FRAME)
        if self._keys is not None and self._server is not None:
            opened.zmq.curve_serverkey = self._server
            opened.zmq.curve_publickey, opened.zmq.curve_secretkey = self._keys.public, self._keys.secret
        self._core.reconnected(secrets.token_hex(8), time.monotonic())
        opened.send([b"\x01" + frames.inbox_topic(self._core.inbox)])
        opened.send([b"\x01" + frames.table_topic(self._core.table)])
        opened.zmq.connect(endpoint)
        opened.check()
        return opened

    def _receive(self, message: list[bytes]) -> None:
        core, now = self._core, time.monotonic()
        before = core.counters.snapshots, core.counters.resyncs, core.counters.refused
        core.receive(message, now)
        self._ask(now)
        self._count(*before)
        if core.changed:
            self._changed.set()
        if core.deadline() is not None:
            self._wake.set()

    def _count(self, snapshots: int, resyncs: int, refused: int) -> None:
        core, labels = self._core, (self._core.table, self._address.text)
        if core.counters.snapshots != snapshots:
            SNAPSHOTS.labels(*labels).inc()
            log.info("synced", table=core.table, source=self._address.text, rows=len(core.rows))
        if core.counters.resyncs != resyncs:
            RESYNCS.labels(*labels).inc()
        if core.counters.refused != refused:
            REFUSED.labels("replica").inc()

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
