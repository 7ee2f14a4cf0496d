"""A user's mistake, as a value: it stands beside the output and never throws."""

from dataclasses import dataclass
from typing import Any

from runtime.reason import Reason, Severity

# Of a message and of a field: what a user wrote may be a megabyte, and stands in both.
LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake in one field of one object.

    `ref` is `Kind/namespace/name`, `field` its path as the API writes it (`spec.rules[0].host`), empty for
    the whole.
    """

    ref: str
    reason: str
    message: str
    field: str = ""
    severity: Severity = "error"

    @classmethod
    def of(cls, ref: str, reason: Reason, message: str, field: str = "") -> "Problem":
        """A problem of a declared reason, with that reason's severity."""
        return cls(ref, reason.name, _cut(message), _cut(field), reason.severity)

    def as_json(self) -> dict[str, Any]:
        """As it stands in a row of the table `statuses`."""
        return {
            "severity": self.severity,
            "reason": self.reason,
            "message": self.message,
            "field": self.field,
        }


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
