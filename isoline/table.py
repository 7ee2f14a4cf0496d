"""Tables and paragraphs for a terminal of 100 columns."""

import textwrap
from collections.abc import Sequence

WIDTH = 100


def wrapped(text: str, width: int = WIDTH) -> list[str]:
    """The text in lines of that many columns; a word that is longer is broken."""
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows with their cells below one another; the last column takes what is left of the width, and is
    continued below itself.
    """
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]) - 1)]
    indent = sum(widths) + 2 * len(widths)
    lines = []
    for row in rows:
        first, *rest = wrapped(row[-1], max(WIDTH - indent, 20))
        head = "".join(f"{cell:<{width}}  " for cell, width in zip(row, widths, strict=False))
        lines.append(f"{head}{first}".rstrip())
        lines += [" " * indent + more for more in rest]
    return lines
