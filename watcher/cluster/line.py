"""What an API server answers with: lines of a watch, pages of a list."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from watcher.cluster.shape import text

# etcd takes objects of 1.5 MiB, which JSON's escapes make longer.
MAX_LINE: Final = 16 * 1024 * 1024
# At the end of a list that came as a stream (KEP-3157).
WHOLE: Final = "k8s.io/initial-events-end"


class BrokenError(Exception):
    """What came is nothing that an API server says."""


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a watch. An ERROR has `code` and `message`, a BOOKMARK `version`, and `whole` when it ends
    a list; the others have `object`.
    """

    type: str
    object: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    whole: bool = False
    code: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects of a list, which is that of `version`; with `token` there are more."""

    items: Sequence[Mapping[str, Any]]
    version: str
    token: str


class Splitter:
    """Pieces in, whole lines out."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The lines that are whole now. Raises BrokenError for one that does not end."""
        first, newline, more = piece.partition(b"\n")
        self._rest += first
        if newline:
            yield bytes(self._rest)
            *lines, rest = more.split(b"\n")
            self._rest = bytearray(rest)
            yield from lines
        if len(self._rest) > MAX_LINE:
            raise BrokenError(f"a line of more than {MAX_LINE} bytes")


def read(found: bytes) -> Line:
    """One line of a watch. Raises BrokenError."""
    event = _mapping(found)
    type_, body = str(event.get("type")), event.get("object")
    if not isinstance(body, dict):
        raise BrokenError("an event without an object")
    if type_ == "ERROR":
        code = body.get("code")
        return Line(type_, code=code if isinstance(code, int) else 0, message=text(body.get("message")))
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        raise BrokenError("an object without metadata")
    version = text(metadata.get("resourceVersion"))
    if type_ == "BOOKMARK":
        annotations = metadata.get("annotations")
        whole = isinstance(annotations, dict) and annotations.get(WHOLE) == "true"
        return Line(type_, version=version, whole=whole)
    return Line(type_, object=body, version=version)


def page(body: bytes) -> Page:
    """A page of a list. Raises BrokenError."""
    found = _mapping(body)
    metadata, items = found.get("metadata"), found.get("items")
    if not isinstance(metadata, dict) or not isinstance(items, list | None):
        raise BrokenError("an answer that is no list")
    listed = [item for item in items or () if isinstance(item, dict)]
    return Page(listed, text(metadata.get("resourceVersion")), text(metadata.get("continue")))


def message(body: bytes) -> str:
    """What a Status says, empty where the answer is none."""
    try:
        return text(_mapping(body).get("message"))
    except BrokenError:
        return ""


def _mapping(found: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(found)
    except orjson.JSONDecodeError as error:
        raise BrokenError("what is no JSON") from error
    if not isinstance(value, dict):
        raise BrokenError("JSON that is no object")
    return value
