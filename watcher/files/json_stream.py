"""The documents of a JSON text, one after the other as kubectl reads them, with the lines of a List's
items.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from watcher.files.unreadable import UnreadableError
from watcher.files.yaml_scalar import MAX_DIGITS
from watcher.files.yaml_stream import MAX_DEPTH, Document

SPACE: Final = re.compile(r"[ \t\n\r]*")


def documents(text: str) -> Iterator[Document]:
    """The documents of a text, in order. Raises UnreadableError."""
    reader = _Reader(text)
    at = reader.space(0)
    while at < len(text):
        line = reader.line(at)
        value, items, at = reader.document(at)
        yield Document(line, value, items)
        at = reader.space(at)


class _Reader:
    """Reads one value after the other; positions are kept for the elements of a top-level `items` alone."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._scan = json.JSONDecoder(
            object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_float
        ).scan_once  # type: ignore[attr-defined]
        self._counted = (0, 1)  # up to this offset the lines were counted

    def space(self, at: int) -> int:
        """The offset of what follows white space."""
        found = SPACE.match(self._text, at)
        return found.end() if found else at

    def line(self, at: int) -> int:
        """The line of an offset, from 1; offsets come in ascending order."""
        offset, line = self._counted
        self._counted = (at, line + self._text.count("\n", offset, at))
        return self._counted[1]

    def document(self, at: int) -> tuple[Any, tuple[int, ...], int]:
        """The value at an offset, the lines of its items, and the offset behind it."""
        if self._text[at] != "{":
            value, end = self._value(at)
            return value, (), end
        pairs: list[tuple[str, Any]] = []
        lines: list[int] = []
        start = at
        at = self.space(at + 1)
        while self._text[at : at + 1] != "}":
            if self._text[at : at + 1] != '"':
                self._fail("expected a name in double quotes, or '}'", at)
            key, at = self._value(at)
            at = self._expect(":", at)
            if key == "items" and self._text[at : at + 1] == "[":
                value, lines, at = self._items(at)
            else:
                value, at = self._value(at)
            pairs.append((key, value))
            at = self.space(at)
            if self._text[at : at + 1] != "}":
                at = self._expect(",", at)
                if self._text[at : at + 1] == "}":
                    self._fail("a comma before '}'", at)
        try:
            return _object(pairs), tuple(lines), at + 1
        except _RefusedError as error:
            self._fail(str(error), start)

    def _items(self, at: int) -> tuple[list[Any], list[int], int]:
        values: list[Any] = []
        lines: list[int] = []
        at = self.space(at + 1)
        while self._text[at : at + 1] != "]":
            lines.append(self.line(at))
            value, at = self._value(at)
            values.append(value)
            at = self.space(at)
            if self._text[at : at + 1] != "]":
                at = self._expect(",", at)
                if self._text[at : at + 1] == "]":
                    self._fail("a comma before ']'", at)
        return values, lines, at + 1

    def _value(self, at: int) -> tuple[Any, int]:
        try:
            value, end = self._scan(self._text, at)
        except StopIteration as error:
            self._fail("expected a value", error.value)
        except json.JSONDecodeError as error:
            self._fail(error.msg[0].lower() + error.msg[1:], error.pos)
        except RecursionError:
            self._fail(f"nested deeper than {MAX_DEPTH} levels", at)
        except _RefusedError as error:
            self._fail(str(error), at)
        return value, end

    def _expect(self, character: str, at: int) -> int:
        at = self.space(at)
        if self._text[at : at + 1] != character:
            self._fail(f"expected '{character}'", at)
        return self.space(at + 1)

    def _fail(self, message: str, at: int) -> NoReturn:
        before = self._text[:at]
        raise UnreadableError(message, before.count("\n") + 1, at - before.rfind("\n")) from None


class _RefusedError(Exception):
    """Python's json would take it; JSON, or Kubernetes, doesn't."""


def _constant(name: str) -> NoReturn:
    raise _RefusedError(f"{name} is no JSON value")


def _integer(text: str) -> int | float:
    if len(text) < 19:  # 64 bits have 19 digits
        return int(text)
    if len(text) > MAX_DIGITS:
        raise _RefusedError("a number that is too large")
    value = int(text)
    return value if -(2**63) <= value < 2**64 else float(value)


def _float(text: str) -> int | float:
    value = float(text)
    if not math.isfinite(value):
        raise _RefusedError("a number that is too large")
    return int(value) if value.is_integer() and abs(value) < 2**63 else value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            break
        seen.add(key)
    raise _RefusedError(f"the name {key[:100]!r} is there twice")
