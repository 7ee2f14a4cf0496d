"""The line of a field, looked up in the manifest when a problem is told."""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from watcher.files.manifests import line_of

# A document is parsed again for each field that is looked up in it. In a larger one, such as a List of
# thousands of objects, the object's own line has to do.
MAX_DOCUMENT = 256 * 1024
# No document can hold a line that starts so, not even in a block of text (YAML 1.2, c-forbidden).
DOCUMENT = re.compile(rb"^---(?=\s|\Z)", re.MULTILINE)


class Places:
    """Finds lines in files that `read` gives by path; None when a file cannot be read."""

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        self._read = lru_cache(maxsize=8)(lambda path: _Text(read(path) or b""))

    def line_of(self, source: Mapping[str, Any], field: str) -> int:
        """The line of a field of the object from `source`, else the object's."""
        line = int(source.get("line") or 1)
        if not field:
            return line
        before, text = self._read(str(source["file"])).document(line)
        if len(text) > MAX_DOCUMENT:
            return line
        return before + line_of(text, {**source, "line": line - before, "document": 0}, field)

    def forget(self) -> None:
        """Files may have changed."""
        self._read.cache_clear()


class _Text:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._starts = sorted({0, *(match.start() for match in DOCUMENT.finditer(data))})
        self._lines = [0]
        for start, end in zip(self._starts, self._starts[1:], strict=False):
            self._lines.append(self._lines[-1] + data.count(b"\n", start, end))

    def document(self, line: int) -> tuple[int, bytes]:
        """The document that this line is in, and how many lines are before it."""
        at = bisect_right(self._lines, line - 1) - 1
        end = self._starts[at + 1] if at + 1 < len(self._starts) else len(self._data)
        return self._lines[at], self._data[self._starts[at] : end]
