"""What is asked of the API server."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Final

from watcher.cluster.answer import Answer

MERGE_PATCH: Final = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `body` is sent as JSON."""

    method: str
    path: str
    body: object = None
    query: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


# What is written of one object: each request follows from the answer to the one before. The end is the answer
# that decides what becomes of the object; None when all is as it should be.
Script = Generator[Request, Answer, Answer | None]
