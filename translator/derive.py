"""Derived values: pure functions of (view, key), computed again only when what they read has changed.

While a function runs, the view records every object, index entry and other derived value that it reads. A
change makes what read it stale, and what stands further downstream suspect. A suspect first brings what it
read up to date; when all of that came out equal, it is clean without having been computed, and the wave
ends there.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from translator.settings import Settings

T = TypeVar("T")

CLEAN, SUSPECT, STALE, RUNNING = range(4)

_NEVER = object()

Input = tuple[str, str]  # ("object", reference), (index, key), (fact, reference) or (PAST, moment)
PAST = "past"


class Source(Protocol):
    """Where the inputs are: what has changed in it is told to `Derivation.touch`."""

    def object(self, reference: str) -> dict[str, Any] | None:
        """The newest object of that reference, parsed; None where there is none."""

    def index(self, name: str, key: str) -> tuple[str, ...]:
        """The references that stand in an index under a key, sorted."""

    def fact(self, name: str, reference: str) -> Any:  # noqa: ANN401 - of any type
        """What was found out about an object when it came; None where there is none."""


class View(Source, Protocol):
    """What a derived value may read."""

    def past(self, moment: float) -> bool:
        """Whether it is that late, in Unix seconds."""

    @property
    def settings(self) -> Settings:
        """Never changes while a process runs."""

    def __call__(self, function: Callable[["View", str], T], key: str) -> T:
        """The value of `function(view, key)`, computed only if it has to be."""


Function = Callable[[View, str], Any]


# A tuple of readers is searched one by one, but takes a third of a set's memory; nearly all nodes have few.
FEW_READERS = 8


class _Node:
    """One input (`function` is None) or one derived value."""

    __slots__ = ("function", "key", "pinned", "readers", "reads", "state", "value")

    def __init__(self, function: Function | None, key: Any) -> None:  # noqa: ANN401 - a string, or an Input
        self.function = function
        self.key = key
        self.value: Any = None
        self.reads: tuple[_Node, ...] = ()
        self.readers: tuple[_Node, ...] | set[_Node] = ()
        self.state = CLEAN if function is None else STALE
        self.pinned = False

    def add_reader(self, node: "_Node") -> None:
        if node in self.readers:
            return
        if isinstance(self.readers, set):
            self.readers.add(node)
        elif len(self.readers) < FEW_READERS:
            self.readers = (*self.readers, node)
        else:
            self.readers = {*self.readers, node}

    def drop_reader(self, node: "_Node") -> bool:
        """Whether nobody reads it any more."""
        if isinstance(self.readers, set):
            self.readers.discard(node)
        else:
            self.readers = tuple(reader for reader in self.readers if reader is not node)
        return not self.readers


class Derivation:
    """All derived values over one source; itself the view that their functions get.

    A value lives while it is pinned or read by one that lives. `computed` counts the runs of each function,
    by its name: what one change costs.
    """

    def __init__(self, source: Source, settings: Settings) -> None:
        self._settings = settings
        self.computed: Counter[str] = Counter()
        self._source = source
        self._inputs: dict[Input, _Node] = {}
        self._nodes: dict[Function, dict[str, _Node]] = {}
        self._reading: dict[_Node, None] | None = None
        self._waiting: dict[
            _Node, Any
        ] = {}  # pinned ones that are not clean, with the value that was last given out
        self._loose: list[_Node] = []  # ones that nobody may need any more
        self._now = 0.0
        self._moments: list[float] = []  # a heap of those in the future that somebody has asked for

    # What a function reads

    @property
    def settings(self) -> Settings:
        """Never changes while a process runs."""
        return self._settings

    def object(self, reference: str) -> dict[str, Any] | None:
        """The newest object of that reference, parsed; None where there is none. Not to be changed."""
        self._read_input(("object", reference))
        return self._source.object(reference)

    def index(self, name: str, key: str) -> tuple[str, ...]:
        """The references that stand in an index under a key, sorted."""
        self._read_input((name, key))
        return self._source.index(name, key)

    def fact(self, name: str, reference: str) -> Any:  # noqa: ANN401 - of any type
        """What was found out about an object when it came; None where there is none."""
        self._read_input((name, reference))
        return self._source.fact(name, reference)

    def past(self, moment: float) -> bool:
        """Whether it is that late, in Unix seconds."""
        if moment > self._now:
            if (PAST, str(moment)) not in self._inputs:
                heapq.heappush(self._moments, moment)
            self._read_input((PAST, str(moment)))
        return moment <= self._now

    def __call__(self, function: Callable[[View, str], T], key: str) -> T:
        """The value of `function(view, key)`, computed only if it has to be."""
        node = self._node(function, key)
        if self._reading is not None:
            self._reading[node] = None
        elif not node.pinned:
            self._loose.append(node)
        if node.state is not CLEAN:
            self._refresh(node)
        value: T = node.value
        return value

    def _read_input(self, input_: Input) -> None:
        if self._reading is None:
            return
        node = self._inputs.get(input_)
        if node is None:
            node = self._inputs[input_] = _Node(None, input_)
        self._reading[node] = None

    def _node(self, function: Function, key: str) -> _Node:
        nodes = self._nodes.setdefault(function, {})
        node = nodes.get(key)
        if node is None:
            node = nodes[key] = _Node(function, key)
        return node

    # What is wanted

    def pin(self, function: Function, key: str) -> None:
        """This value is an output from now on: `settle` keeps it up to date and gives its new values."""
        node = self._node(function, key)
        node.pinned = True
        self._waiting[node] = _NEVER

    def unpin(self, function: Function, key: str) -> None:
        """This value is no output any more."""
        node = self._node(function, key)
        node.pinned = False
        self._waiting.pop(node, None)
        self._loose.append(node)

    def advance(self, now: float) -> None:
        """It is now `now`, in Unix seconds; never earlier than before."""
        self._now = max(now, self._now)
        while self._moments and self._moments[0] <= self._now:
            self.touch([(PAST, str(heapq.heappop(self._moments)))])

    @property
    def deadline(self) -> float | None:
        """When values change though nothing else does, in Unix seconds; None = never."""
        return self._moments[0] if self._moments else None

    def touch(self, inputs: Iterable[Input]) -> None:
        """These inputs have changed in the source."""
        for input_ in inputs:
            if (node := self._inputs.get(input_)) is not None:
                self._spread(node)

    def settle(self, functions: frozenset[Function]) -> Iterator[tuple[Function, str, Any, bool]]:
        """Brings the pinned values of these functions up to date, one a step: function, key, value, whether
        it is new.

        A value is new when it differs from the one that was given out before.
        """
        for node in [node for node in self._waiting if node.function in functions]:
            if node in self._waiting and node.function is not None:
                before = self._waiting.pop(node)
                self._refresh(node)
                yield node.function, node.key, node.value, node.value is not before

    def collect(self) -> None:
        """Forgets the values that nobody needs any more."""
        if not self._waiting:
            self._waiting = {}  # an emptied dict stays as large as it was, and is walked whole
        while self._loose:
            node = self._loose.pop()
            if node.pinned or node.readers:
                continue
            if node.function is None:
                self._inputs.pop(node.key, None)
                continue
            self._nodes[node.function].pop(node.key, None)
            for read in node.reads:
                if read.drop_reader(node):
                    self._loose.append(read)
            node.reads = ()

    def sizes(self) -> Mapping[str, int]:
        """How many values of each function are held."""
        return {function.__name__: len(nodes) for function, nodes in self._nodes.items() if nodes}

    # The wave

    def _spread(self, changed: _Node) -> None:
        """What read it is stale; what stands further downstream is suspect."""
        suspects = []
        for reader in changed.readers:
            if reader.state is CLEAN:
                suspects.append(reader)
            reader.state = STALE
        while suspects:
            node = suspects.pop()
            if node.pinned:
                self._waiting.setdefault(node, node.value)
            for reader in node.readers:
                if reader.state is CLEAN:
                    reader.state = SUSPECT
                    suspects.append(reader)

    def _refresh(self, node: _Node) -> None:
        if node.state is RUNNING:
            raise RecursionError(f"{getattr(node.function, '__name__', '')}({node.key}) reads itself")
        if node.state is SUSPECT:
            for read in node.reads:
                if read.state is not CLEAN:
                    self._refresh(read)
                if node.state is STALE:  # set by _spread, as that read came out other
                    break
            else:
                node.state = CLEAN
        if node.state is STALE:
            self._compute(node)

    def _compute(self, node: _Node) -> None:
        assert node.function is not None  # noqa: S101 - inputs are always clean
        outer, self._reading = self._reading, {}
        node.state = RUNNING
        try:
            value = node.function(self, node.key)
        finally:
            reads, self._reading = tuple(self._reading), outer
        node.state = CLEAN
        self.computed[node.function.__name__] += 1
        if reads != node.reads:
            self._reread(node, reads)
        if value != node.value:
            node.value = value
            self._spread(node)

    def _reread(self, node: _Node, reads: tuple[_Node, ...]) -> None:
        kept = set(reads)
        for read in node.reads:
            if read not in kept and read.drop_reader(node):
                self._loose.append(read)
        for read in reads:
            read.add_reader(node)
        node.reads = reads
