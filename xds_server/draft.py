"""What a response is to hold, and a response that is under way."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Draft:
    """Names of the resources to send, of those that are gone, and of those asked for that there never were.

    `kept` are gone from the table, and sent as they were last. `since` is the revision that the peer has,
    if it has all but this. Only State-of-the-World has a `version` of the response, and `changed`: those of
    the names that are new in it.
    """

    since: int
    names: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    version: str = ""
    kept: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """A response that is not acknowledged yet: `number` is its nonce; versions of what it holds, by name; the
    names that it removes.
    """

    number: int
    versions: Mapping[str, str]
    removed: tuple[str, ...]
    since: int
