"""The ZeroMQ edge of a publisher: an XPUB socket, and the tables on it."""

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import zmq

from runtime.link import allow_list, frames
from runtime.link.address import Address
from runtime.link.keys import LinkKeys
from runtime.link.metrics import PEERS_REFUSED, PUBLISHED, REFUSED
from runtime.link.pieces import FormatError, Frames
from runtime.link.publisher import Publisher
from runtime.link.row import Row
from runtime.link.socket import MAX_REQUEST, Socket, own_context
from runtime.owned import owned
from runtime.start_error import StartError

# Twice as often as is promised (once a second), for a busy loop is late.
BEAT_SECONDS = 0.5


class LinkPublisher:
    """Publishes tables on one address. Raises StartError for an address that may not be used."""

    def __init__(self, address: str, tables: Sequence[str], keys: LinkKeys | None = None) -> None:
        self._address = Address.parse(address)
        self._address.demand_keys(given=keys is not None)
        self._keys = keys if self._address.path is None else None
        epoch = secrets.token_hex(8)
        self._tables = {table: Publisher(table, epoch) for table in tables}
        self._sent = {table: PUBLISHED.labels(table) for table in tables}
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
            self._sent[table].inc()

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
