"""What is asked of an API server."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """What to GET, and for how many seconds at most. `watch`: the answer is a stream of lines, else one
    body.
    """

    path: str
    query: Mapping[str, str]
    watch: bool
    seconds: float
