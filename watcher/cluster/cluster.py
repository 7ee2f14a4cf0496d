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
    """All sources. `complete` once each has been listed, or cannot be. What a change costs does not depend on
    how many sources there are.
    """

    def __init__(self, reflectors: Sequence[Reflector]) -> None:
        self.reflectors = reflectors
        self.rows: dict[str, Row] = {}
        self.facts: dict[str, Any] = {}
        """What else is known of the same objects."""
        self.unread: frozenset[str] = frozenset()
        """Resources that must not be read; a row says so of each."""
        self.complete = False
        self.touched: set[str] = set()
        """Objects of which a row or a fact is another; whoever has looked clears it."""
        self.deadline: float | None = None
        """When `batch` has something that waits now."""
        self._of_kind: dict[str, list[Reflector]] = {}
        self._alike: dict[tuple[str, str], list[Reflector]] = {}  # may have one object in turn
        for reflector in reflectors:
            kind = reflector.source.kind.name
            self._of_kind.setdefault(kind, []).append(reflector)
            self._alike.setdefault((kind, reflector.source.namespace), []).append(reflector)
        self._heard = dict.fromkeys(reflectors)
        self._unknown = dict.fromkeys(reflectors)
        self._held = frozenset(each.source.name for each in reflectors)  # the names of these
        self._forbidden: dict[Reflector, str] = {}  # and why
        self._forbidden_told = True
        self._awaited: set[Reflector] = set()
        self._excused: set[Reflector] = set()  # behind, too, but waited for no longer
        self._settled = 0.0
        self._puts: dict[str, Row] = {}
        self._deletes: set[str] = set()
        self._since: float | None = None
        self._first = True

    @property
    def missing(self) -> Iterator[Reflector]:
        """The sources that are waited for before anything is given out, in their order."""
        for reflector in self._unknown:
            if not reflector.known and not (
                reflector.state == "forbidden" and self._can_do_without(reflector)
            ):
                yield reflector

    def heard(self, reflector: Reflector) -> None:
        """Takes that one of the sources may be another than it was: its objects, or its state."""
        self._heard[reflector] = None

    def batch(self, now: float) -> Batch | None:
        """What has changed and is ready to be given out; None for nothing. To be called after each step."""
        heard, self._heard = self._heard, {}
        for reflector in heard:
            self._gather(reflector, now)
        caught_up = [self._look(reflector, now) for reflector in heard]
        if any(caught_up) and not self._awaited:
            self._settled = now + SETTLE_SECONDS
        self.complete = self.complete or not any(self.missing)
        self.deadline = None
        if not self.complete:
            return None
        if not self._forbidden_told:
            self._tell_troubles(now)
        if self._since is None:
            return None
        until = self._since + HOLD_SECONDS if self._awaited else self._settled
        if not self._first and now < until:
            self.deadline = until
            return None
        self._excused |= self._awaited
        self._awaited.clear()
        given = Batch(self._puts, frozenset(self._deletes), self._held, self._since)
        self._puts, self._deletes, self._since, self._first = {}, set(), None, False
        return given

    def _can_do_without(self, reflector: Reflector) -> bool:
        """Of an essential kind another source must be there: one namespace's rights are its own affair."""
        others = self._of_kind[reflector.source.kind.name]
        return not reflector.source.essential or any(other.known for other in others)

    def _look(self, reflector: Reflector, now: float) -> bool:
        """Takes how a source is; whether it was waited for and has caught up."""
        if reflector.known and reflector in self._unknown:
            del self._unknown[reflector]
            self._held -= {reflector.source.name}
            self._cause(now)
        if reflector.state == "forbidden":
            self._forbidden_told &= self._forbidden.get(reflector) == reflector.trouble
            self._forbidden[reflector] = reflector.trouble
        elif self._forbidden.pop(reflector, None) is not None:
            self._forbidden_told = False
        if reflector.known and reflector.state in BEHIND:
            if reflector not in self._excused:
                self._awaited.add(reflector)
            return False
        self._excused.discard(reflector)
        awaited = reflector in self._awaited
        self._awaited.discard(reflector)
        return awaited

    def _gather(self, reflector: Reflector, now: float) -> None:
        objects = reflector.objects
        for ref in objects.changed:
            self._set(ref, objects.rows.get(ref) or self._elsewhere(ref, reflector), now)
            if ref in objects.facts:
                self.facts[ref] = objects.facts[ref]
            else:
                self.facts.pop(ref, None)
        self.touched |= objects.changed
        objects.changed.clear()

    def _elsewhere(self, ref: str, left: Reflector) -> Row | None:
        """A Secret that was made anew with another type is another source's."""
        others = self._alike[left.source.kind.name, left.source.namespace]
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
        self._cause(now)

    def _cause(self, now: float) -> None:
        if self._since is None:
            self._since = now

    def _tell_troubles(self, now: float) -> None:
        """A row for each resource that must not be read, as it is the operator who can help; with the
        namespaces in which, "" for all, as of what may be there nobody says that it is missing.
        """
        told: dict[str, list[dict[str, Any]]] = {}
        where: dict[str, set[str]] = {}
        for each in self.reflectors:
            if each in self._forbidden:
                problem = Problem(reasons.FORBIDDEN, self._forbidden[each]).as_json()
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
        self._forbidden_told = True


BEHIND: Final = frozenset({"listing", "failing"})
