"""What is wrong with a file or an object in it, as a value beside the objects that are right."""

from dataclasses import dataclass
from typing import Any

from runtime.reason import Reason


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
