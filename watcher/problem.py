"""What is wrong with a file or an object in it, as a value beside the objects that are right."""

from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Reason:
    """A kind of mistake: `name` in CamelCase as users see it, what it means, and what to do about it."""

    name: str
    meaning: str
    remedy: str
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake at a line of a file, counted from 1; 0 for the file as a whole."""

    reason: Reason
    message: str
    line: int = 0

    def as_json(self) -> dict[str, Any]:
        """As it stands in a row `File//<path>` of the table `objects`."""
        return {
            "severity": self.reason.severity,
            "reason": self.reason.name,
            "message": self.message,
            "line": self.line or None,
        }
