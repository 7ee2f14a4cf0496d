"""One file of manifests: bytes in, the rows of its objects and its problems out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from runtime.link.row import Row
from watcher import kinds, reasons
from watcher.files import json_stream, yaml_stream
from watcher.files.unreadable import UnreadableError
from watcher.files.yaml_stream import Document
from watcher.problem import Problem

# Five seconds of parsing and 200 MiB of memory, and the whole file is read again after each edit.
# The 30,000 objects of 10,000 routed Services are half of it.
MAX_BYTES: Final = 16 * 1024 * 1024
# The largest object that etcd takes (--max-request-bytes).
MAX_OBJECT_BYTES: Final = 1_572_864
TOO_LARGE: Final = f"larger than {MAX_BYTES // 1024 // 1024} MiB; split it into several files"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one file holds: a row for each object's reference, what is wrong, and how many objects of which
    kinds nobody reads. A file that isn't `readable` has its problem and nothing else.
    """

    objects: Mapping[str, Row] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    readable: bool = True

    @classmethod
    def unreadable(cls, message: str, line: int = 0) -> "Manifest":
        """A file whose content is unknown: it cannot be opened, or not be parsed."""
        return cls({}, (Problem(reasons.UNREADABLE, message, line),), readable=False)


EMPTY: Final = Manifest({})


def parse(path: str, data: bytes, namespace: str = kinds.DEFAULT_NAMESPACE) -> Manifest:
    """The manifest of a file, which its rows and problems name as `path`. Never raises.

    `namespace` is that of objects which name none.
    """
    reader = _Reader(path, namespace)
    try:
        for number, document in enumerate(_documents(path, decoded(data))):
            reader.read(number, document)
    except UnreadableError as error:
        return Manifest.unreadable(str(error), error.line)
    return Manifest(reader.objects, tuple(reader.problems), reader.ignored)


def decoded(data: bytes) -> str:
    """The text of a file. Raises UnreadableError."""
    if len(data) > MAX_BYTES:
        raise UnreadableError(TOO_LARGE)
    if b"\0" in data:
        raise UnreadableError("a binary file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise UnreadableError("not UTF-8: a binary file, or another encoding", line, column) from None


def line_of(text: str | bytes, source: Mapping[str, Any], path: str) -> int:
    """The line (from 1) of a field, as a Problem names it: `spec.rules[0].host`; a key may hold dots itself.

    `source` is the object's. A field that isn't there is found at its nearest parent; when the text isn't
    what the source came from, the object's own line is given.
    """
    line = int(source.get("line") or 1)
    try:
        document = _document(
            text if isinstance(text, str) else decoded(text), int(source.get("document") or 0)
        )
    except UnreadableError:
        return line
    value, item = document.value, source.get("item")
    if item is not None:
        items = value.get("items") if isinstance(value, dict) else None
        value = items[item] if isinstance(items, list) and item < len(items) else None
    positions = document.positions or {}
    while path:
        key = _first(value, path)
        if key is None:
            break
        line = positions.get(id(value), {}).get(key, line)
        path = path.removeprefix(_written(key)).removeprefix(".")
        value = value[key]
    return line


def _document(text: str, wanted: int) -> Document:
    for number, document in enumerate(yaml_stream.documents(text, positions=True)):
        if number == wanted:
            return document
    raise UnreadableError("no such document")


def _written(key: str | int) -> str:
    return f"[{key}]" if isinstance(key, int) else key


def _first(value: object, path: str) -> str | int | None:
    """The key or index that a path starts with; the longest, for a key may hold dots: `annotations.a.b/c`."""
    if isinstance(value, list):
        index = path[1:].partition("]")[0] if path.startswith("[") else ""
        return int(index) if index.isdecimal() and int(index) < len(value) else None
    if not isinstance(value, dict):
        return None
    found = [key for key in value if path.startswith(key) and path[len(key) : len(key) + 1] in ("", ".", "[")]
    return max(found, key=len, default=None)


def _documents(path: str, text: str) -> Iterator[Document]:
    """JSON is looked for first, as it is the quicker to read; a flow mapping of YAML starts like it."""
    if path.endswith(".json"):
        return json_stream.documents(text)
    if text.lstrip().startswith("{"):
        try:
            return iter(list(json_stream.documents(text)))
        except UnreadableError:
            pass
    return yaml_stream.documents(text)


class _Reader:
    """Gathers objects and problems, document by document."""

    def __init__(self, path: str, namespace: str) -> None:
        self._path = path
        self._namespace = namespace
        self._lines: dict[str, int] = {}
        self.objects: dict[str, Row] = {}
        self.problems: list[Problem] = []
        self.ignored: dict[str, int] = {}

    def read(self, number: int, document: Document) -> None:
        """Takes one document: an object, a List of objects, or nothing. Else raises UnreadableError."""
        body = document.value
        if body is None:
            return
        if not isinstance(body, dict):
            message = f"expected a Kubernetes object, found {kinds.TYPES.get(type(body), 'something else')}"
            raise UnreadableError(message, document.line, 1)
        if "items" in body and str(body.get("kind")).endswith("List"):
            self._list(number, document, body)
        else:
            self._object(body, document.line, number, None)

    def _list(self, number: int, document: Document, body: dict[str, Any]) -> None:
        items = body["items"]
        if items is None:
            return
        if not isinstance(items, list):
            self._tell(Problem(reasons.INVALID_OBJECT, "items: expected a list", document.line))
            return
        # The items of a typed list (`IngressList`) need not repeat its kind.
        of = str(body.get("kind")).removesuffix("List")
        inherited = {"apiVersion": body.get("apiVersion"), "kind": of} if of else {}
        for index, item in enumerate(items):
            line = document.item_lines[index] if index < len(document.item_lines) else document.line
            if isinstance(item, dict):
                self._object({**inherited, **item}, line, number, index)
            else:
                self._tell(Problem(reasons.INVALID_OBJECT, f"items[{index}]: expected an object", line))

    def _object(self, body: dict[str, Any], line: int, number: int, item: int | None) -> None:
        try:
            kind = kinds.kind_of(body)
            kept = kinds.reduced(kind, body, self._namespace) if kind else None
        except kinds.UnsupportedError as error:
            self._tell(Problem(reasons.UNSUPPORTED_VERSION, str(error), line))
            return
        except kinds.InvalidError as error:
            self._tell(Problem(reasons.INVALID_OBJECT, str(error), line))
            return
        if kept is None:
            name = kinds.ignored_name(body)
            self.ignored[name] = self.ignored.get(name, 0) + 1
            return
        reference, content = kept
        if reference in self.objects:
            message = twice(reference, (self._path, self._lines[reference]), (self._path, line))
            self._tell(Problem(reasons.DUPLICATE_OBJECT, message, line))
            return
        content["source"] = {"file": self._path, "line": line, "document": number, "item": item}
        try:
            written = orjson.dumps(content)
        except TypeError as error:  # a surrogate without its pair, or nested too deeply: JSON can spell both
            self._tell(Problem(reasons.INVALID_OBJECT, f"{shown(reference)}: {error}", line))
            return
        if len(written) > MAX_OBJECT_BYTES:
            message = f"{shown(reference)}: larger than 1.5 MiB, which no API server takes"
            self._tell(Problem(reasons.INVALID_OBJECT, message, line))
            return
        self.objects[reference] = Row.of(written, origin=self._path)
        self._lines[reference] = line

    def _tell(self, problem: Problem) -> None:
        self.problems.append(problem)


def shown(reference: str) -> str:
    """A reference as messages have it: `Ingress shop/web`, `IngressClass isoline`."""
    kind, namespace, name = reference.split("/", 2)
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def twice(reference: str, first: tuple[str, int], second: tuple[str, int]) -> str:
    """The message for the same object in two places, each a path and a line."""
    places = f"{first[0]}:{first[1]} and in {second[0]}:{second[1]}"
    return f"{shown(reference)} is in {places}; the first counts"
