"""The annotations that are declared, and the list of them that users read."""

from pathlib import Path
from typing import Any

import pytest

from translator.ingress.annotation import Annotation
from translator.unknown_annotation import ALL

DOCS = Path(__file__).parents[2] / "docs" / "annotations.md"


def test_every_declared_annotation_stands_in_the_docs_and_no_other() -> None:
    """Each once, with where it may stand, its type and its line of help."""
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith("| `")]

    assert rows == [
        f"| `{a.name}` | {', '.join(a.kinds)} | {a.type} | {a.help} | `{a.example}` |" for a in ALL
    ]
    assert len({annotation.name for annotation in ALL}) == len(ALL)


@pytest.mark.parametrize("annotation", ALL, ids=lambda annotation: annotation.name)
def test_every_example_is_a_value_that_the_annotation_can_have(annotation: Annotation[Any]) -> None:
    """And one that says something: it is not the default."""
    assert annotation.read(annotation.example) != annotation.default
