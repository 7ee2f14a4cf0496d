"""What the library tells about the fields of a message class."""

import dataclasses
import sys
import typing
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # as in encoder.py
    from betterproto2 import FieldMetadata


@dataclasses.dataclass(frozen=True, slots=True)
class FieldType:
    """One field of a message class."""

    name: str
    meta: "FieldMetadata"
    classes: tuple[Any, ...]
    """The class of its value, or of its items; of a map those of key and value."""
    rivals: frozenset[int]
    """Numbers of the other fields of its oneof."""


@cache
def field_types(cls: type) -> dict[int, FieldType]:
    """Field number → field, in the order of the numbers, of a message class of the library."""
    hints = typing.get_type_hints(cls, vars(sys.modules[cls.__module__]), {})
    metas: dict[str, FieldMetadata] = {f.name: f.metadata["betterproto"] for f in dataclasses.fields(cls)}
    types = {}
    for name, meta in sorted(metas.items(), key=lambda item: item[1].number):
        classes = tuple(c for c in typing.get_args(hints[name]) if c is not type(None)) or (hints[name],)
        group = {m.number for m in metas.values() if m.group and m.group == meta.group}
        types[meta.number] = FieldType(name, meta, classes, frozenset(group - {meta.number}))
    return types
