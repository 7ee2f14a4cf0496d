"""The core of an xDS server: a table of resources, and the streams that are served from it."""

from collections import Counter
from collections.abc import Iterator
from operator import attrgetter
from typing import Any

import orjson

from runtime.link.row import Change, Row
from xds_server.composition import Composition
from xds_server.delivery import Deliveries
from xds_server.draft import Draft
from xds_server.event import Event, Refused, Withheld
from xds_server.resource_type import BY_KEY, ResourceType
from xds_server.responses import Response, Responses
from xds_server.service import Method
from xds_server.stream import Stream
from xds_server.table import Table

FLEET = "isoline"
_REFUSED = attrgetter("refused")
# Acknowledgements that are recognised by their bytes: some for each response of the last moments.
KNOWN = 4096
# An acknowledgement has a type and a nonce: whatever is longer has something else too.
KNOWN_BYTES = 200


class Server:
    """Everything that streams share. `grace`: seconds that a cluster outlives its last route."""

    def __init__(self, sources: int, grace: float) -> None:
        self.grace = grace
        self.table = Table(sources)
        self.streams: dict[Stream, None] = {}
        self.responses = Responses()
        self.deliveries = Deliveries()
        self.counted: Counter[str] = Counter()
        nothing = Table()
        nothing.synced = True
        self.nothing = Composition(nothing, inline=True)
        self._views = {inline: Composition(self.table, inline=inline) for inline in (False, True)}
        self._acknowledgements: dict[bytes, tuple[ResourceType, str]] = {}
        self._refused: dict[Stream, dict[str, Row]] = {}
        self._puts: dict[str, Row] = {}
        self._deletes: set[str] = set()
        self._events: list[Event] = []

    # The table

    def apply(self, source: int, change: Change, now: float, age: float) -> bool:
        """Takes a change of one source, whose cause is `age` seconds old; whether streams have something to
        send.
        """
        before = self.table.synced
        changed = self.table.apply(source, change.puts, change.deletes, synced=change.synced)
        if changed:
            self.responses.forget()
            if before:
                streams = set(self.streams)
                self.deliveries.begin(self.table.revision, changed, change, streams=streams, now=now, age=age)
            if self.table.crowded:
                self.table.prune({key: self._passed(key) for key in BY_KEY})
        return self.table.synced and (bool(changed) or not before)

    def _passed(self, type_: str) -> int:
        found = (stream.passed(self.table, type_) for stream in self.streams)
        return min(found, default=self.table.revision)

    # Streams

    def open(self, method: Method, *, peer: str, secure: bool, now: float) -> Stream:
        """A stream has begun."""
        stream = Stream(self, method, peer=peer, secure=secure, now=now)
        self.streams[stream] = None
        return stream

    def close(self, stream: Stream, now: float) -> None:
        """It has ended; what its peer refused is forgotten."""
        self.streams.pop(stream, None)
        self.deliveries.left(stream, now)
        self._compare(stream, {})

    def receive(self, stream: Stream, data: bytes) -> None:
        """Takes a request. Raises PeerError."""
        self.counted["requests"] += 1
        shared = stream.method.delta and stream.method.type_ is None
        known = self._acknowledgements.get(data) if shared else None
        if known is not None and known[0].key in stream.subscriptions:
            stream.acknowledge(*known)
            return
        found = stream.receive(data)
        if shared and found is not None and len(data) <= KNOWN_BYTES:
            if len(self._acknowledgements) >= KNOWN:
                self._acknowledgements.clear()
            self._acknowledgements[data] = found

    def pull(self, stream: Stream, now: float) -> bytes | None:
        """What to send on it now; None when there is nothing more."""
        data = stream.pull(now)
        if data is None:
            self.deliveries.settled(stream, now)
            if stream in self._refused or any(map(_REFUSED, stream.subscriptions.values())):
                self._compare(stream, dict(self._rejections(stream)))
        return data

    # What streams ask (stream.Host)

    def view(self, fleet: str, *, inline: bool) -> Composition:
        """The table of a fleet; `nothing` for a fleet that there isn't. Who names none is of the only one."""
        return self._views[inline] if fleet in {"", FLEET} else self.nothing

    def refused(self, stream: Stream, type_: ResourceType, message: str) -> None:
        """Told of each refusal, with what may be shown of its message."""
        self._events.append(Refused(stream.node.id, stream.peer, type_.key, message))

    def withheld(self, stream: Stream) -> None:
        """Told when Secrets are asked for over a connection that must not carry them."""
        self._events.append(Withheld(stream.node.id, stream.peer))

    def take_events(self) -> list[Event]:
        """What there is to say since the last call."""
        events, self._events = self._events, []
        return events

    def sent(self, stream: Stream, draft: Draft, response: Response) -> None:
        """Told of each response."""
        self.counted["responses"] += 1
        self.counted["bytes"] += len(response.data)
        self.deliveries.sent(stream, draft, response)

    # What Envoys refuse

    def take_rejections(self) -> tuple[dict[str, Row], set[str]]:
        """Rows of the table `rejections` to put, and keys to delete."""
        puts, deletes = self._puts, self._deletes
        self._puts, self._deletes = {}, set()
        return puts, deletes

    def _rejections(self, stream: Stream) -> Iterator[tuple[str, Row]]:
        for resource, refusal in stream.refused().items():
            body = {
                "resource": resource,
                "node": stream.node.id,
                "message": refusal.message,
                "version": refusal.version,
            }
            yield f"{resource}|{stream.node.id}", Row.of(orjson.dumps(body))

    def _compare(self, stream: Stream, rows: dict[str, Row]) -> None:
        before = self._refused.pop(stream, {})
        if rows:
            self._refused[stream] = rows
        for key in before.keys() - rows.keys():
            # A broken connection may end after its Envoy has come back, and has refused the same again.
            other = next((found[key] for found in self._refused.values() if key in found), None)
            if other is not None:
                self._puts[key] = other
            else:
                self._puts.pop(key, None)
                self._deletes.add(key)
        for key, row in rows.items():
            if before.get(key) != row:
                self._deletes.discard(key)
                self._puts[key] = row

    def status(self) -> dict[str, Any]:
        """For /debug/status."""
        return {
            "synced": self.table.synced,
            "revision": self.table.revision,
            "resources": self.table.sizes(),
            "counted": dict(self.counted),
            "streams": [stream.status() for stream in self.streams],
        }
