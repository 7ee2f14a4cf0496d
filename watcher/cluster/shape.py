"""The fields of an answer, which may be of any shape: whoever answers may be no API server."""

from collections.abc import Mapping
from typing import Any


def mapping(value: object) -> Mapping[str, Any]:
    """An object; empty for what is none."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list; empty for what is none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A string; empty for what is none."""
    return value if isinstance(value, str) else ""
