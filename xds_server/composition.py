"""Resources that are put together from several rows, by concatenation alone: no resource is decoded.

Source: protobuf.dev/programming-guides/encoding ("last one wins", repeated fields concatenate).
"""

from collections.abc import Mapping
from hashlib import blake2b

from runtime.link.row import Row
from runtime.wire import field
from xds_server.resource_type import HOSTS, ROUTES
from xds_server.table import Entry, Table

# RouteConfiguration.vhds = 9 { config_source = 1 { ads = 3 {}, resource_api_version = 6: V3 } }
VHDS = field(9, field(1, field(3, b"") + b"\x30\x02"))
VIRTUAL_HOSTS = 2  # RouteConfiguration.virtual_hosts


class Composition:
    """The table as one kind of client gets it: route configurations either say that their hosts come by VHDS,
    or (`inline`) hold them.
    """

    def __init__(self, table: Table, *, inline: bool) -> None:
        self.table = table
        self.inline = inline
        self._composed: dict[str, tuple[int, Row, Row]] = {}
        self._complete: dict[str, tuple[int, tuple[str, ...], str]] = {}

    def row(self, type_: str, name: str) -> Row | None:
        """A resource as it is sent; None when there is none."""
        row = self.table.row(type_, name)
        if row is None or type_ != ROUTES.key:
            return row
        stamp = self.table.changed(HOSTS.key) if self.inline else 0
        found = self._composed.get(name)
        if found is not None and found[0] == stamp and found[1] is row:
            return found[2]
        composed = self._with_hosts(name, row) if self.inline else Row.of(row.body + VHDS, row.needs)
        self._composed[name] = (stamp, row, composed)
        return composed

    def entry(self, type_: str, name: str) -> Entry | None:
        """When a resource came and changed, also of one that is gone; None when it is not known."""
        return self.table.entry(type_, name)

    def names(self, type_: str) -> list[str]:
        """Every name of a type."""
        return self.table.names(type_)

    def complete(self, type_: str) -> tuple[tuple[str, ...], str]:
        """Every name of a type, sorted, and a version of them all: made once for a change."""
        found = self._complete.get(type_)
        if found is None or found[0] != self.changed(type_):
            names = tuple(sorted(self.names(type_)))
            rows = {name: row for name in names if (row := self.row(type_, name)) is not None}
            found = self._complete[type_] = (self.changed(type_), names, version_of(rows))
        return found[1:]

    def changed(self, type_: str) -> int:
        """The revision of the last change to a type."""
        if self.inline and type_ == ROUTES.key:
            return max(self.table.changed(ROUTES.key), self.table.changed(HOSTS.key))
        return self.table.changed(type_)

    def changes(self, type_: str, since: int) -> list[str]:
        """The names of a type that changed after that revision."""
        names = self.table.changes(type_, since)
        if self.inline and type_ == ROUTES.key:
            owners = (owner_of(host) for host in self.table.changes(HOSTS.key, since))
            names = list(dict.fromkeys([*names, *owners]))
        return names

    def _with_hosts(self, name: str, row: Row) -> Row:
        rows = [self.table.row(HOSTS.key, host) for host in hosts_of(self.table, name)]
        hosts = [host for host in rows if host is not None]
        digest = blake2b(row.version.encode(), digest_size=8)
        for host in hosts:
            digest.update(host.version.encode())
        needs = dict.fromkeys(need for host in hosts for need in host.needs)
        body = b"".join([row.body, *(field(VIRTUAL_HOSTS, host.body) for host in hosts)])
        return Row(digest.hexdigest(), body, (*row.needs, *needs))


def version_of(rows: Mapping[str, Row]) -> str:
    """A hash of names and contents: equal at every replica, after every restart (G7)."""
    digest = blake2b(digest_size=8)
    for name in sorted(rows):
        digest.update(f"{name}\0{rows[name].version}\0".encode())
    return digest.hexdigest()


def owner_of(host: str) -> str:
    """The route configuration that a virtual host belongs to: what stands before the last `/` (vhds.rst)."""
    return host.rpartition("/")[0]


def hosts_of(table: Table, route_configuration: str) -> list[str]:
    """The virtual hosts that belong to a route configuration, sorted."""
    return [host for host in sorted(table.names(HOSTS.key)) if owner_of(host) == route_configuration]


def has_hosts(table: Table, route_configuration: str) -> bool:
    """Whether any virtual host belongs to a route configuration."""
    return any(owner_of(host) == route_configuration for host in table.names(HOSTS.key))
