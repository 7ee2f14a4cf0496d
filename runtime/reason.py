"""The kinds of mistakes that users make: declared once each, listed in docs/reasons.md."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Reason:
    """A kind of mistake: `name` in CamelCase as users see it, what it means, and what to do about it."""

    name: str
    meaning: str
    remedy: str
    severity: Severity = "error"
