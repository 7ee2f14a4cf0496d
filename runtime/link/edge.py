"""The ZeroMQ edge of a link: an XPUB socket that publishes tables, an XSUB socket that follows one."""

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import prometheus_client
import structlog
import zmq

from runtime.link import allow_list, frames
from runtime.link.address import Address, owned
from runtime.link.endpoints import Endpoints
from runtime.link.keys import LinkKeys
from runtime.link.pieces import FormatError, Frames
from runtime.link.publisher import Publisher
from runtime.link.replica import Replica
from runtime.link.row import Change, Row
from runtime.link.socket import MAX_FRAME, MAX_REQUEST, Socket, own_context
from runtime.start_error import StartError

log = structlog.get_logger()

# Twice as often as is promised (once a second), for a busy loop is late.
BEAT_SECONDS = 0.5
# Without a heartbeat for this long a replica goes to the next address of its publisher's name.
LOST_SECONDS = 4.0
PUBLISHED = prometheus_client.Counter(
    "isoline_link_messages_published", "Messages sent, by table.", ["table"]
)
REFUSED = prometheus_client.Counter("isoline_link_messages_refused", "What was no message of ours.", ["side"])
PEERS_REFUSED = prometheus_client.Counter("isoline_link_peers_refused", "Connections with a key not allowed.")
ROWS = prometheus_client.Gauge("isoline_link_rows", "Rows held of a table.", ["table", "source"])
SNAPSHOTS = prometheus_client.Counter("isoline_link_snapshots", "Snapshots taken.", ["table", "source"])
RESYNCS = prometheus_client.Counter(
    "isoline_link_resyncs", "Times that something was missed, or the publisher another.", ["table", "source"]
)


class LinkPublisher:
    """Publishes tables on one address. Raises StartError for an address that may not be used."""

    def __init__(self, address: str, tables: Sequence[str], keys: LinkKeys | None = None) -> None:
        self._address = Address.parse(address)
        self._address.demand_keys(given=keys is not None)
        self._keys = keys if self._address.path is None else None
        epoch = secrets.token_hex(8)
        self._tables = {table: Publisher(table, epoch) for table in tables}
        self._topics = {
            b"\x01" + frames.table_topic(table): publisher for table, publisher in self._tables.items()
        }
        self._socket: Socket | None = None
        self._refused = 0
        self._peers_refused = 0

    def publish(
        self,
        table: str,
        *,
        puts: Mapping[str, Row] | None = None,
        deletes: Iterable[str] = (),
        synced: bool | None = None,
        held: frozenset[str] | None = None,
        at: float = 0.0,
    ) -> None:
        """Changes a table by one batch, which is applied whole at the other end or not at all.

        Equal rows are no change. None for `synced` (the table has all there is) or `held` (origins that can't
        be known now: replicas keep what they have of them) leaves them as they are. `at` is that of Change.
        """
        publisher = self._tables[table]
        self._send(table, publisher.publish(puts or {}, deletes, synced=synced, held=held, at=at))

    def rows(self, table: str) -> Mapping[str, Row]:
        """What is published of a table now."""
        return self._tables[table].rows

    def status(self) -> dict[str, Any]:
        """For /debug/status."""
        return {
            "address": self._address.text,
            "refused": self._refused,
            "peers_refused": self._peers_refused,
            "tables": {
                name: {
                    "epoch": table.epoch,
                    "sequence": table.sequence,
                    "synced": table.synced,
                    "rows": len(table.rows),
                    "held": sorted(table.held),
                }
                for name, table in self._tables.items()
            },
        }

    async def run(self) -> None:
        """Publishes until cancelled. Raises StartError when the address can't be had."""
        with contextlib.ExitStack() as stack:
            if self._address.path is not None:
                stack.enter_context(owned(self._address.path))
            # A context of our own: it ends, and the socket with it, before the address is given up; and its
            # allow-list is ours alone.
            context = stack.enter_context(own_context())
            if self._keys is not None:
                allowed = frozenset(self._keys.peers.values())
                stack.callback(allow_list.allow(context, allowed, self._refuse_peer).close)
            bound = Socket(context, zmq.XPUB, self._receive)
            stack.callback(bound.close)
            self._bind(bound)
            self._socket = bound
            try:
                while bound.error is None:
                    for name, table in self._tables.items():
                        table.expire(time.monotonic())
                        self._send(name, [table.beat()])
                    await asyncio.sleep(BEAT_SECONDS)
                raise bound.error
            finally:
                self._socket = None

    def _bind(self, bound: Socket) -> None:
        bound.zmq.setsockopt(zmq.XPUB_VERBOSE, 1)  # each new replica is heard of, not only the first
        bound.zmq.setsockopt(zmq.MAXMSGSIZE, MAX_REQUEST)
        if self._keys is not None:
            allow_list.demand(bound)
            bound.zmq.curve_server = True
            bound.zmq.curve_publickey, bound.zmq.curve_secretkey = self._keys.public, self._keys.secret
        umask = os.umask(0o077)
        try:
            bound.zmq.bind(self._address.endpoint())
        except zmq.ZMQError as error:
            raise StartError(f"{self._address.text}: {error.strerror}") from error
        finally:
            os.umask(umask)

    def _send(self, table: str, messages: Iterable[Frames]) -> None:
        if self._socket is None:
            return
        for message in messages:
            self._socket.send(message)
            PUBLISHED.labels(table).inc()

    def _refuse_peer(self) -> None:
        self._peers_refused += 1
        PEERS_REFUSED.inc()

    def _receive(self, message: list[bytes]) -> None:
        """Subscriptions, which tell of a new replica, and requests of replicas."""
        if message[0][:1] in {b"\x00", b"\x01"}:
            if (publisher := self._topics.get(message[0])) is not None:
                self._send(publisher.table, [publisher.beat()])
            return
        try:
            request = frames.read_request(message[0])
            publisher = self._tables[request.table]
        except (FormatError, KeyError):
            self._refused += 1
            REFUSED.labels("publisher").inc()
            return
        self._send(request.table, publisher.answer(request, time.monotonic()))


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
        self._socket: Socket | None = None
        self._changed = asyncio.Event()
        self._wake = asyncio.Event()
        self._endpoints = Endpoints(self._address)

    @property
    def rows(self) -> Mapping[str, Row]:
        """What is held now, a view: it changes as batches arrive."""
        return MappingProxyType(self._core.rows)

    @property
    def synced(self) -> bool:
        """Whether the source has said once that it has all there is, and that is here."""
        return self._core.synced

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
        """Until the publisher has not been heard of for LOST_SECONDS; over ipc there is no other to go to."""
        since = time.monotonic()
        while True:
            opened.drain()  # before patience is lost with what has long arrived
            if opened.error is not None:
                raise opened.error
            now = time.monotonic()
            lost = max(since, self._core.heard or 0.0) + LOST_SECONDS
            if now >= lost and self._address.path is None:
                log.warning("link lost", table=self._core.table, address=endpoint, heard=self._core.heard)
                return
            self._ask(now)
            due = min(self._core.deadline() or lost, now + BEAT_SECONDS)
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
        self._core.reconnected(secrets.token_hex(8))
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
            ROWS.labels(core.table, self._address.text).set(len(core.rows))
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
