"""What somebody may have meant who names an object that does not exist.

Here and not in the translator: the answer depends on every Service of a namespace, and each new Service would
have every mistake of the namespace looked at again.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import orjson

from isoline.problem import Told
from runtime.link.row import Row
from translator import reasons

# Of so many names one is found in 0.1 s at 10,000 Services; who has more mistakes begins with these.
MOST = 50
CUTOFF = 0.7


class Near:
    """Hints for problems, from the objects that there are."""

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self._rows = rows
        self._found: dict[tuple[str, str], str] = {}

    def hint(self, told: Told) -> str:
        """To be put behind the message; empty when there is nothing near."""
        if told.body.get("reason") != reasons.SERVICE_NOT_FOUND.name:
            return ""
        written = self._written(told)
        namespace = told.ref.split("/")[1]
        if written is None or ((namespace, written) not in self._found and len(self._found) >= MOST):
            return ""
        if (namespace, written) not in self._found:
            self._found[namespace, written] = self._near(namespace, written)
        return self._found[namespace, written]

    def _near(self, namespace: str, name: str) -> str:
        near = difflib.get_close_matches(name, self._services.get(namespace, ()), n=1, cutoff=CUTOFF)
        if near:
            return f'; did you mean "{near[0]}"?'
        others = sorted(other for other, names in self._services.items() if name in names)
        if others:
            return f"; there is one in namespace {others[0]}, and an Ingress leads to its own namespace alone"
        return ""

    @cached_property
    def _services(self) -> dict[str, list[str]]:
        """Names of Services by namespace."""
        found: dict[str, list[str]] = {}
        for key in self._rows:
            kind, _, rest = key.partition("/")
            if kind == "Service":
                namespace, _, name = rest.partition("/")
                found.setdefault(namespace, []).append(name)
        return found

    def _written(self, told: Told) -> str | None:
        """What stands in the field that the problem is about."""
        row = self._rows.get(told.ref)
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
