"""What somebody may have meant who names an object that does not exist.

Here and not in the translator: the answer depends on every Service of a namespace, and each new Service would
have every mistake of the namespace looked at again.
"""

import difflib
from collections.abc import Mapping
from functools import cached_property

from isoline.problem import Told
from isoline.written import written
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
        name = written(self._rows, told)
        namespace = told.ref.split("/")[1]
        if name is None or ((namespace, name) not in self._found and len(self._found) >= MOST):
            return ""
        if (namespace, name) not in self._found:
            self._found[namespace, name] = self._near(namespace, name)
        return self._found[namespace, name]

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
