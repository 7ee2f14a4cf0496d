"""What the API server answers, and what follows for who asked."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from watcher.cluster import line
from watcher.cluster.shape import mapping, mappings

# `forbidden`: a rule of RBAC is missing. `busy`: nothing is said of the object, another would fare no better.
# `failed`: in there something went wrong, which may be etcd or a webhook for such objects. `refused`: this
# object, so written, will be refused again.
Outcome = Literal["done", "conflict", "gone", "forbidden", "busy", "failed", "refused"]

# Not authenticated, too many requests, and what stands between us and the API server.
BUSY: Final = frozenset({401, 429, 502, 503, 504})
# Of a message that is logged.
LONGEST: Final = 500


class UnreachableError(Exception):
    """No whole answer: no credentials, no connection, TLS, or it broke off; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `retry_after` is what its header says, in seconds."""

    status: int
    body: bytes
    retry_after: float | None = None

    @property
    def outcome(self) -> Outcome:
        """What became of the request."""
        if self.status < 300:
            return "done"
        if self.status in BUSY or self.retry_after is not None:
            return "busy"
        if self.status == 404 or (self.status == 403 and self._terminating()):
            return "gone"
        if self.status >= 500:
            return "failed"
        return "conflict" if self.status == 409 else "forbidden" if self.status == 403 else "refused"

    @property
    def message(self) -> str:
        """Why not, in the API server's words: those of a 403 name verb, resource and API group."""
        text = line.message(self.body) or f"HTTP {self.status}"
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"

    def json(self) -> dict[str, Any]:
        """The object that is answered, empty where it is none."""
        try:
            body = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return body if isinstance(body, dict) else {}

    def _terminating(self) -> bool:
        """A namespace that is being deleted takes nothing new; no rule is missing."""
        causes = mappings(mapping(self.json().get("details")).get("causes"))
        return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)
