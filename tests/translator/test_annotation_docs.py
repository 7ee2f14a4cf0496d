"""The annotations that are declared, and the list of them that users read."""

from pathlib import Path

from translator.ingress.annotation import ALL

DOCS = Path(__file__).parents[2] / "docs" / "annotations.md"


def test_every_declared_annotation_stands_in_the_docs_and_no_other() -> None:
    """Each once, with where it may stand, its type and its line of help."""
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith("| `")]

    assert rows == [f"| `{a.name}` | {', '.join(a.kinds)} | {a.type} | {a.help} |" for a in ALL]
    assert len({annotation.name for annotation in ALL}) == len(ALL)
