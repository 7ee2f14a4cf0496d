"""What is wrong with an object or a file, in the form in which it is told."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from isoline import output

# The line of a field of an object that came from `source`.
LineOf = Callable[[Mapping[str, Any], str], int]


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake and its place: `namespace` is empty without one, `line` counts from 1, None for the file as
    a whole; `file` is None for an object that is in no file.
    """

    kind: str
    namespace: str
    name: str
    severity: str
    reason: str
    message: str
    file: str | None = None
    line: int | None = None

    def text(self, *, colours: bool = False) -> str:
        """`Ingress shop/web: ServiceNotFound: path /cart names … (web.yaml:14)`."""
        named = f"{self.namespace}/{self.name}" if self.namespace else self.name
        warned = output.styled("warning", "yellow", on=colours) + ": " if self.severity == "warning" else ""
        reason = output.styled(self.reason, "red", on=colours and self.severity != "warning")
        message = " ".join(self.message.split())
        place = "" if self.file is None else f" ({self.file})"
        if self.file is not None and self.line is not None:
            place = f" ({self.file}:{self.line})"
        return f"{self.kind} {named}: {warned}{reason}: {message}{place}"

    def as_json(self) -> dict[str, Any]:
        """Kind, namespace, name, severity, reason, message, file, line."""
        return asdict(self)


def problems(ref: str, body: bytes, line_of: LineOf) -> Iterator[tuple[tuple[str, ...], Problem]]:
    """The problems in a row of the table `statuses`, each after what it is the same by: the line is no part
    of that, since it moves with every edit above it.
    """
    kind, namespace, name = ref.split("/", 2)
    row = orjson.loads(body)
    source: Mapping[str, Any] = row.get("source") or {}
    for told in row["problems"]:
        same = (ref, told["severity"], told["reason"], told["message"], told.get("field") or "")
        file = name if kind == "File" else source.get("file")
        line = told.get("line")
        if line is None and source:
            line = line_of(source, same[-1])
        yield same, Problem(kind, namespace, name, *same[1:4], file, line)
