"""What a link carries: the rows of a table, and what has changed in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `version` is 16 hex digits, BLAKE2b-64 of `body`: equal bytes have one version everywhere.

    `needs` are the keys that must come before this one (only the xDS server reads them). `origin` is what a
    publisher's `held` names: the file of an object; empty, it is the row's own key.
    """

    version: str
    body: bytes
    needs: tuple[str, ...] = ()
    origin: str = ""

    @classmethod
    def of(cls, body: bytes, needs: tuple[str, ...] = (), origin: str = "") -> "Row":
        """A row of that body, with its version."""
        return cls(blake2b(body, digest_size=8).hexdigest(), body, needs, origin)


@dataclass(frozen=True, slots=True)
class Change:
    """All that has changed since the last one: whole batches, the newest row of a key.

    `synced`: the source has all there is. `at`: Unix seconds when the oldest cause in it was first seen by
    the watcher, 0.0 when unknown; it serves figures of latency alone.
    """

    puts: Mapping[str, Row]
    deletes: frozenset[str]
    synced: bool
    at: float = 0.0
