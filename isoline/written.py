"""What stands in a field of an object, by the field's path."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from isoline.problem import Told
from runtime.link.row import Row


def written(rows: Mapping[str, Row], told: Told) -> str | None:
    """The text in the field that a problem is about; None when there is none."""
    row = rows.get(told.ref)
    value: Any = orjson.loads(row.body) if row is not None else None
    for step in _steps(str(told.body.get("field") or "")):
        if isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        elif isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value if isinstance(value, str) else None


def _steps(field: str) -> Iterator[str | int]:
    """`spec.rules[0].host` in its parts."""
    for name, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", field):
        yield name or int(number)
