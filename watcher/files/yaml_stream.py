"""The documents of a YAML text, built from libyaml's events in one pass, with bounds on everything.

Not yaml.safe_load: that resolves by other rules than kubectl's, expands aliases without bound, recurses as
deep as the text is nested, lets duplicate keys pass, and has no positions. It also takes half as long again.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)
from yaml.reader import ReaderError

from watcher.files import yaml_scalar
from watcher.files.unreadable import UnreadableError

# The deepest API object (a CustomResourceDefinition's schema) stays below; orjson writes up to 254 levels.
MAX_DEPTH: Final = 100
# What the aliases of one file may add, in characters and values: the largest object etcd takes (1.5 MiB).
MAX_ALIASED: Final = 1_572_864
# 10,000 each of Ingress, Service and EndpointSlice have a million. A value takes about 100 bytes of memory.
MAX_VALUES: Final = 3_000_000
# Words worth remembering: kinds, ports, namespaces.
CACHED: Final = 10_000

# libyaml's events: PyYAML's stubs say of no field which event has it.
Event = Any

MERGE: Final = "<<"
MISSING: Final = object()
# libyaml's message for a tab where indentation is expected says nothing of a tab.
LIBYAML_TAB: Final = "found character that cannot start any token"


@dataclass(frozen=True, slots=True)
class Document:
    """One document: the line (from 1) where its value starts, and the value; None where it is empty.

    `item_lines` are the lines of the elements of a top-level `items`. `positions`, when asked for, holds
    for each mapping and list (by id) the line of each key or element.
    """

    line: int
    value: Any
    item_lines: tuple[int, ...] = ()
    positions: dict[int, dict[str | int, int]] | None = None


def documents(text: str, *, positions: bool = False) -> Iterator[Document]:
    """The documents of a text, in order. Raises UnreadableError."""
    parser = CParser(text)
    try:
        builder = _Builder(parser, with_positions=positions)
        while (event := parser.get_event()) is not None:
            if type(event) is DocumentStartEvent:
                yield builder.document()
    except yaml.MarkedYAMLError as error:
        raise _unreadable(error, text) from None
    except ReaderError as error:
        # The position counts the bytes of the text in UTF-8.
        before = text.encode()[: error.position].decode(errors="ignore")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"a character that YAML does not allow (#x{error.character:02x})"
        raise UnreadableError(message, line, column) from None
    finally:
        parser.dispose()


def _unreadable(error: yaml.MarkedYAMLError, text: str) -> UnreadableError:
    mark = error.problem_mark or error.context_mark
    problem = str(error.problem or "this is not YAML")
    if problem == LIBYAML_TAB and mark and text[mark.index : mark.index + 1] == "\t":
        problem = "a tab, where YAML allows spaces only"
    elif error.context:
        problem = f"{problem} ({error.context})"
    if mark is None:
        return UnreadableError(problem)
    return UnreadableError(problem, mark.line + 1, mark.column + 1)


def _refused(event: Event, message: str) -> UnreadableError:
    return UnreadableError(message, event.start_mark.line + 1, event.start_mark.column + 1)


class _Builder:
    """Turns the events of one document after the other into values; the bounds are the whole text's."""

    def __init__(self, parser: CParser, *, with_positions: bool) -> None:
        self._next: Callable[[], Event] = parser.get_event
        self._with_positions = with_positions
        self._words: dict[str, Any] = {}
        self._keys: dict[str, str] = {}
        self._values = 0
        self._aliased = 0
        self._weight = 0  # characters and values so far, aliases expanded
        self._anchors: dict[str, tuple[Any, int] | None] = {}
        self._positions: dict[int, dict[str | int, int]] = {}

    def document(self) -> Document:
        """Consumes the events of one document; its anchors end with it."""
        self._anchors = {}
        self._positions = {}
        event = self._next()
        value = self._node(event, 0)
        items = self._positions.get(id(value.get("items"))) if isinstance(value, dict) else None
        item_lines = tuple(items.values()) if items else ()
        positions = self._positions if self._with_positions else None
        return Document(event.start_mark.line + 1, value, item_lines, positions)

    def _node(self, event: Event, depth: int) -> Any:  # noqa: ANN401 - any JSON value
        kind = type(event)
        if kind is ScalarEvent:
            return self._scalar(event)
        if kind is AliasEvent:
            return self._alias(event)
        if depth >= MAX_DEPTH:
            raise _refused(event, f"nested deeper than {MAX_DEPTH} levels")
        before = self._weight
        if event.anchor is not None:
            self._anchors[event.anchor] = None  # until it is complete
        value = self._mapping(depth) if kind is MappingStartEvent else self._sequence(depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._weight - before)
        return value

    def _scalar(self, event: Event) -> Any:  # noqa: ANN401
        text = event.value
        self._weight += len(text) + 1
        self._values += 1
        if self._values > MAX_VALUES:
            raise _refused(event, f"more than {MAX_VALUES} values in one file: split it")
        if event.tag is not None:
            value = self._tagged(event)
        elif not event.implicit[0]:
            value = text
        else:
            value = self._words.get(text, MISSING)
            if value is MISSING:
                value = self._plain(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, len(text) + 1)
        return value

    def _plain(self, event: Event) -> yaml_scalar.Scalar:
        value = yaml_scalar.plain(event.value)
        if isinstance(value, float) and not math.isfinite(value):
            raise _refused(event, "not a number, or infinite: JSON, and so Kubernetes, has no such value")
        if len(self._words) < CACHED:
            self._words[event.value] = value
        return value

    def _tagged(self, event: Event) -> yaml_scalar.Scalar:
        try:
            return yaml_scalar.tagged(event.value, event.tag)
        except ValueError as error:
            raise _refused(event, str(error)) from None

    def _alias(self, event: Event) -> Any:  # noqa: ANN401
        if event.anchor not in self._anchors:
            raise _refused(event, f"the alias *{event.anchor} names no anchor of this document")
        found = self._anchors[event.anchor]
        if found is None:
            raise _refused(event, f"the anchor &{event.anchor} contains itself")
        value, weight = found
        self._weight += weight
        self._aliased += weight
        if self._aliased > MAX_ALIASED:
            message = (
                "aliases that expand to more than 1.5 MiB, which no API server takes: write the values out"
            )
            raise _refused(event, message)
        return value

    def _sequence(self, depth: int) -> list[Any]:
        values: list[Any] = []
        lines: list[int] = []
        wanted = self._with_positions or depth == 1
        while type(event := self._next()) is not SequenceEndEvent:
            if wanted:
                lines.append(event.start_mark.line + 1)
            values.append(self._scalar(event) if type(event) is ScalarEvent else self._node(event, depth + 1))
        self._weight += 1
        if wanted:
            self._positions[id(values)] = dict(enumerate(lines))
        return values

    def _mapping(self, depth: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        lines: dict[str | int, int] = {}
        merged: list[tuple[Event, Any]] = []
        while type(event := self._next()) is not MappingEndEvent:
            key = self._key(event)
            inner = self._next()
            value = self._scalar(inner) if type(inner) is ScalarEvent else self._node(inner, depth + 1)
            if key == MERGE and type(event) is ScalarEvent and event.implicit[0]:
                merged.append((event, value))
                continue
            if key in mapping:
                raise _refused(event, f"the key {key[:100]!r} is there twice")
            mapping[key] = value
            if self._with_positions:
                lines[key] = event.start_mark.line + 1
        for event, value in merged:
            _merge(mapping, event, value)
        self._weight += 1
        if self._with_positions:
            self._positions[id(mapping)] = lines
        return mapping

    def _key(self, event: Event) -> str:
        if type(event) is ScalarEvent and event.anchor is None and event.tag is None and event.implicit[0]:
            text = event.value
            self._weight += len(text) + 1
            key = self._keys.get(text)
            if key is not None:
                return key
        try:
            if type(event) is AliasEvent:
                value = self._alias(event)
            elif type(event) is ScalarEvent:
                value = event.value if event.value == MERGE else self._scalar(event)
            else:
                raise _refused(event, "a list or a map as a key")
            key = yaml_scalar.key(value)
        except ValueError as error:
            raise _refused(event, str(error)) from None
        if (
            type(event) is ScalarEvent
            and event.implicit[0]
            and event.tag is None
            and len(self._keys) < CACHED
        ):
            self._keys[event.value] = key
        return key


def _merge(mapping: dict[str, Any], event: Event, value: Any) -> None:  # noqa: ANN401
    """`<<`: the keys of a map, or of several maps, where the mapping has none of its own."""
    for source in value if isinstance(value, list) else [value]:
        if not isinstance(source, dict):
            raise _refused(event, "<< takes a map or a list of maps")
        for key, inner in source.items():
            mapping.setdefault(key, inner)
