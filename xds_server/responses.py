"""Encoded responses, shared by every stream that is to be told the same.

A nonce must be unique within its stream only, so it is a number counted for the whole server, and streams
that are to be told the same get the very same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runtime.link.row import Row
from runtime.wire import delta_resource, delta_response, sotw_resource, sotw_response
from xds_server.composition import Composition
from xds_server.draft import Draft
from xds_server.resource_type import ResourceType

CONTROL_PLANE = "isoline"
# Bytes of the responses of one revision that are kept: first tables of 10,000 hosts, of each kind of client.
KEPT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Response:
    """`number` is the nonce; `versions` of the resources in it, by name."""

    number: int
    data: bytes = field(repr=False)
    versions: Mapping[str, str] = field(repr=False)
    removed: int


class Responses:
    """Makes each response once in a revision of the tables."""

    def __init__(self) -> None:
        self._number = 0
        self._made: dict[tuple[object, ...], Response] = {}
        self._bytes = 0

    def forget(self) -> None:
        """A table has another revision."""
        self._made.clear()
        self._bytes = 0

    def delta(self, view: Composition, type_: ResourceType, draft: Draft, after: int) -> Response:
        """A DeltaDiscoveryResponse. Its number is larger than `after`, the last one on its stream."""
        key = (view, type_.key, draft.names, draft.removed, draft.unresolved, draft.kept)
        found = self._made.get(key)
        if found is not None and found.number > after:
            return found
        rows = _rows(view, type_, draft.names) | _kept(view, type_, draft.kept)
        resources = [delta_resource(type_.url, name, row.version, row.body) for name, row in rows.items()]
        # Who asks for a virtual host by name waits for a resource of that name, be it empty (vhds.rst).
        resources += [delta_resource(type_.url, n, "", None, aliases=[n]) for n in draft.unresolved]
        self._number += 1
        data = delta_response(
            type_.url, resources, draft.removed, nonce=str(self._number), control_plane=CONTROL_PLANE
        )
        return self._keep(key, Response(self._number, data, _versions(rows), len(draft.removed)))

    def sotw(self, view: Composition, type_: ResourceType, draft: Draft, after: int) -> Response:
        """A DiscoveryResponse. Its number is larger than `after`, the last one on its stream."""
        key = (view, type_.key, draft.names, draft.kept, draft.version, draft.changed)
        found = self._made.get(key)
        if found is not None and found.number > after:
            return found
        rows = _rows(view, type_, draft.names)
        all_ = rows | _kept(view, type_, draft.kept)
        self._number += 1
        data = sotw_response(
            type_.url,
            [sotw_resource(type_.url, row.body) for row in all_.values()],
            version=draft.version,
            nonce=str(self._number),
            control_plane=CONTROL_PLANE,
        )
        changed = {name: rows[name] for name in draft.changed}
        return self._keep(key, Response(self._number, data, _versions(changed), 0))

    def _keep(self, key: tuple[object, ...], response: Response) -> Response:
        self._bytes += len(response.data)
        if self._bytes > KEPT_BYTES:
            self.forget()
        self._made[key] = response
        return response


def _rows(view: Composition, type_: ResourceType, names: tuple[str, ...]) -> dict[str, Row]:
    found = {name: view.row(type_.key, name) for name in names}
    return {name: row for name, row in found.items() if row is not None}


def _kept(view: Composition, type_: ResourceType, names: tuple[str, ...]) -> dict[str, Row]:
    found = {name: view.entry(type_.key, name) for name in names}
    return {name: entry.last for name, entry in found.items() if entry is not None}


def _versions(rows: Mapping[str, Row]) -> dict[str, str]:
    return {name: row.version for name, row in rows.items()}
