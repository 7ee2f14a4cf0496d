"""Reads an object that a user wrote, field by field: what has the wrong type is told, and everything else
is read.
"""

from collections.abc import Iterator
from typing import Any

from runtime.reason import Reason
from translator import reasons
from translator.problem import Problem

TYPES = {
    dict: "an object",
    list: "a list",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "true or false",
}


class Field:
    """One place in an object: its value, and its path as the API writes it, `spec.rules[0].host`.

    Reading a value of another type than the API's tells a Problem and gives None. null is as good as absent.
    """

    __slots__ = ("_problems", "path", "ref", "value")

    def __init__(self, ref: str, value: Any, path: str, problems: list[Problem]) -> None:  # noqa: ANN401
        self.ref = ref
        self.value = value
        self.path = path
        self._problems = problems

    @property
    def present(self) -> bool:
        """Whether there is anything at all."""
        return self.value is not None

    def tell(self, reason: Reason, message: str) -> None:
        """Records what is wrong with this field."""
        self._problems.append(Problem.of(self.ref, reason, message, self.path))

    def __getitem__(self, name: str) -> "Field":
        """A member; absent when this is not an object, which `mapping` tells."""
        value = self.value.get(name) if isinstance(self.value, dict) else None
        return Field(self.ref, value, f"{self.path}.{name}" if self.path else name, self._problems)

    def mapping(self, *, required: bool = False) -> bool:
        """Whether this is an object."""
        return self._is(dict, required=required)

    def items(self, *, required: bool = False) -> Iterator["Field"]:
        """The members of a list."""
        if self._is(list, required=required):
            for at, value in enumerate(self.value):
                yield Field(self.ref, value, f"{self.path}[{at}]", self._problems)

    def text(self, *, required: bool = False) -> str | None:
        """A string."""
        return self.value if self._is(str, required=required) else None

    def number(self, *, required: bool = False) -> int | None:
        """A whole number."""
        return self.value if self._is(int, required=required) else None

    def flag(self) -> bool | None:
        """True or false."""
        return self.value if self._is(bool, required=False) else None

    def texts(self) -> dict[str, str]:
        """A map from string to string, as annotations and labels are; without the members that are not
        strings.
        """
        if not self._is(dict, required=False):
            return {}
        found = {name: self[name].text() for name in self.value}
        return {name: value for name, value in found.items() if value is not None}

    def _is(self, type_: type, *, required: bool) -> bool:
        if self.value is None:
            if required:
                self.tell(reasons.INVALID_FIELD, f"{self.path} is missing")
            return False
        if isinstance(self.value, type_) and not (type_ is int and isinstance(self.value, bool)):
            return True
        found = TYPES.get(type(self.value), "something else")
        self.tell(reasons.INVALID_FIELD, f"{self.path}: expected {TYPES[type_]}, found {found}")
        return False
