"""The objects that a tool looks at, wherever they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runtime.link.row import Row
from translator.store import kind_of
from translator.translator import PASSED_ON


@dataclass(frozen=True, slots=True)
class Objects:
    """Rows of objects by reference, and rows that say what of them could not be read.

    `place` says in words where they are (`in 2 files`), `files` what stands in each by its path, `ignored`
    how many there are of which kinds that nobody reads.
    """

    rows: Mapping[str, Row]
    place: str
    files: Mapping[str, bytes | None] = field(default_factory=dict)
    ignored: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(kind_of(ref) not in PASSED_ON for ref in self.rows)
