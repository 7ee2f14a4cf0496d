"""The reasons that are declared, and the list of them that users read."""

import re
from pathlib import Path

import translator.reasons
import watcher.reasons

DOCS = Path(__file__).parents[2] / "docs" / "reasons.md"
DECLARED = sorted([*translator.reasons.ALL, *watcher.reasons.ALL], key=lambda reason: reason.name)


def test_every_declared_reason_stands_in_the_docs_and_no_other() -> None:
    """With its severity, its meaning and what to do about it, as declared."""
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith("| `")]

    assert rows == [f"| `{r.name}` | {r.severity} | {r.meaning} | {r.remedy} |" for r in DECLARED]


def test_a_reason_is_a_word_in_camel_case_and_stands_once() -> None:
    """Scripts depend on it."""
    names = [reason.name for reason in DECLARED]

    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"([A-Z]+[a-z]*)+", name)] == []
