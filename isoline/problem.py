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


@dataclass(frozen=True, slots=True)
class Told:
    """A problem as a row of the table `statuses` has it, where its line is not yet looked up."""

    ref: str
    body: Mapping[str, Any]
    source: Mapping[str, Any]

    @property
    def same(self) -> tuple[str, ...]:
        """What it is the same problem by: the line is no part of it, since that moves with edits above it."""
        return (
            self.ref,
            *(str(self.body.get(key) or "") for key in ("severity", "reason", "message", "field")),
        )

    def problem(self, line_of: LineOf, hint: str = "") -> Problem:
        """With its place, and `hint` behind the message."""
        kind, namespace, name = self.ref.split("/", 2)
        severity, reason, message, field = self.same[1:]
        line = self.body.get("line")
        if line is None and self.source:
            line = line_of(self.source, field)
        file = name if kind == "File" else self.source.get("file")
        return Problem(kind, namespace, name, severity, reason, message + hint, file, line)


def told(ref: str, body: bytes) -> Iterator[Told]:
    """The problems in a row of the table `statuses`."""
    row = orjson.loads(body)
    return (Told(ref, problem, row.get("source") or {}) for problem in row["problems"])
