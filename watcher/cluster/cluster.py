"""The core of the cluster: the tables of all sources as one, given out when they fit together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from runtime.link.row import Row
from watcher import reasons
from watcher.cluster.reflector import Reflector
from watcher.problem import Problem

# The kind of the rows that say what cannot be read; they concern no object.
API: Final = "API"
# While some source catches up, what others bring waits: a route to a Service that is not listed yet would
# answer 503. One that takes longer is waited for no more until it has.
HOLD_SECONDS: Final = 5.0
# What a watch that is resumed has missed comes with its first bytes, or nearly.
SETTLE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Batch:
    """One decision about the table: all of it holds at once. `held` are origins that cannot be read now and
    have not been before: whoever has rows of them keeps them. `since` is when its oldest cause came.
    """

    puts: Mapping[str, Row]
    deletes: frozenset[str]
    held: frozenset[str]
    since: float


class Cluster:
    """All sources. `complete` once each has been listed, or cannot be."""

    def __init__(self, reflectors: Sequence[Reflector]) -> None:
        self.reflectors = reflectors
        self.rows: dict[str, Row] = {}
        self.unread: frozenset[str] = frozenset()
        """Resources that must not be read; a row says so of each."""
        self.complete = False
        self.touched: set[str] = set()
        """Objects of which a row or a fact is another; whoever has looked clears it."""
        self.deadline: float | None = None
        """When `batch` has something that waits now."""
        self._same: dict[str, list[Reflector]] = {}  # kind → its sources, which may have one object in turn
        for reflector in reflectors:
            self._same.setdefault(reflector.source.kind.name, []).append(reflector)
        self._puts: dict[str, Row] = {}
        self._deletes: set[str] = set()
        self._since: float | None = None
        self._excused: set[str] = set()
        self._awaited: set[str] = set()
        self._settled = 0.0
        self._held: frozenset[str] | None = None

    @property
    def missing(self) -> Iterator[Reflector]:
        """The sources that are waited for before anything is given out."""
        for reflector in self.reflectors:
            if not reflector.known and not (
                reflector.state == "forbidden" and self._can_do_without(reflector)
            ):
                yield reflector

    def batch(self, now: float) -> Batch | None:
        """What has changed and is ready to be given out; None for nothing. To be called after each step."""
        self._gather(now)
        self.complete = self.complete or not any(self.missing)
        behind = {each.source.name for each in self.reflectors if each.known and each.state in BEHIND}
        self._excused &= behind
        awaited = behind - self._excused
        if self._awaited - behind and not awaited:
            self._settled = now + SETTLE_SECONDS
        self._awaited = awaited
        self.deadline = None
        if not self.complete:
            return None
        self._tell_troubles(now)
        held = frozenset(each.source.name for each in self.reflectors if not each.known)
        if self._since is None:
            if held == self._held:
                return None
            self._since = now
        until = self._since + HOLD_SECONDS if awaited else self._settled
        if self._held is not None and now < until:
            self.deadline = until
            return None
        self._excused |= behind
        given = Batch(self._puts, frozenset(self._deletes), held, self._since)
        self._puts, self._deletes, self._since, self._held = {}, set(), None, held
        return given

    def _can_do_without(self, reflector: Reflector) -> bool:
        """Of an essential kind another source must be there: one namespace's rights are its own affair."""
        others = self._same[reflector.source.kind.name]
        return not reflector.source.essential or any(other.known for other in others)

    def _gather(self, now: float) -> None:
        for reflector in self.reflectors:
            if reflector.objects.changed:
                for ref in reflector.objects.changed:
                    self._set(ref, reflector.objects.rows.get(ref) or self._elsewhere(ref, reflector), now)
                self.touched |= reflector.objects.changed
                reflector.objects.changed.clear()

    def _elsewhere(self, ref: str, left: Reflector) -> Row | None:
        """A Secret that was made anew with another type is another source's."""
        others = self._same[left.source.kind.name]
        return next((row for other in others if (row := other.objects.rows.get(ref)) is not None), None)

    def _set(self, ref: str, row: Row | None, now: float) -> None:
        if self.rows.get(ref) == row:
            return
        if row is None:
            del self.rows[ref]
            self._puts.pop(ref, None)
            self._deletes.add(ref)
        else:
            self.rows[ref] = self._puts[ref] = row
            self._deletes.discard(ref)
        if self._since is None:
            self._since = now

    def _tell_troubles(self, now: float) -> None:
        """A row for each resource that must not be read, as it is the operator who can help; with the
        namespaces in which, "" for all, as of what may be there nobody says that it is missing.
        """
        told: dict[str, list[dict[str, Any]]] = {}
        where: dict[str, set[str]] = {}
        for each in self.reflectors:
            if each.state == "forbidden":
                problem = Problem(reasons.FORBIDDEN, each.trouble).as_json()
                problems = told.setdefault(each.source.resource, [])
                problems += [problem] if problem not in problems else []  # of Secrets there are two sources
                where.setdefault(each.source.resource, set()).add(each.source.namespace)
        for resource in self.unread - told.keys():
            self._set(f"{API}//{resource}", None, now)
        for resource, problems in told.items():
            body = {
                "kind": API,
                "metadata": {"name": resource},
                "namespaces": sorted(where[resource]),
                "problems": problems,
            }
            self._set(f"{API}//{resource}", Row.of(orjson.dumps(body)), now)
        self.unread = frozenset(told)


BEHIND: Final = frozenset({"listing", "failing"})
