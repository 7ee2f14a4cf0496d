"""An Event (events.k8s.io/v1): one thing that an object's owner is told."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from watcher.cluster.report.request import MERGE_PATCH, Request
from watcher.cluster.report.timestamp import micro_time

CONTROLLER: Final = "isoline.dev/ingress-controller"
# What we did when we noticed; the API wants a word for it.
ACTION: Final = "Translate"
# Of metadata.name and note, as API servers take them; a note counts in bytes of UTF-8.
MAX_NAME: Final = 253
MAX_NOTE: Final = 1024
# Where the Events of objects without namespace are.
CLUSTER_NAMESPACE: Final = "default"


@dataclass(frozen=True, slots=True)
class Regarding:
    """The object that an Event is about; `namespace` is empty for one of the cluster."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Event:
    """`type_` is `Warning` or `Normal`; `field` the path in the object, empty for the whole."""

    regarding: Regarding
    type_: str
    reason: str
    message: str
    field: str = ""

    @property
    def name(self) -> str:
        """The same for the same thing, whoever tells it: so it is told once."""
        told = f"{self.regarding.uid}\0{self.reason}\0{self.field}\0{self.message}"
        digest = blake2b(told.encode(), digest_size=8).hexdigest()
        return f"{self.regarding.name[: MAX_NAME - 1 - len(digest)].rstrip('-.')}.{digest}"

    def create(self, reporter: str, wall: int) -> Request:
        """Tells it for the first time. `reporter` is which of us does."""
        about = self.regarding
        regarding = {
            "apiVersion": about.api_version,
            "kind": about.kind,
            "name": about.name,
            "uid": about.uid,
        }
        body: dict[str, Any] = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"namespace": self._namespace, "name": self.name},
            "eventTime": micro_time(wall),
            "type": self.type_,
            "reason": self.reason,
            "action": ACTION,
            "note": _cut(f"{self.field}: {self.message}" if self.field else self.message),
            "reportingController": CONTROLLER,
            "reportingInstance": reporter,
            "regarding": {**regarding, "namespace": about.namespace} if about.namespace else regarding,
        }
        return Request("POST", self._events, body)

    def repeat(self, count: int, wall: int) -> Request:
        """Tells it for the `count`th time, from 2 on: the API server keeps it for another hour."""
        series = {"count": count, "lastObservedTime": micro_time(wall)}
        return Request("PATCH", f"{self._events}/{self.name}", {"series": series}, content_type=MERGE_PATCH)

    @property
    def _namespace(self) -> str:
        return self.regarding.namespace or CLUSTER_NAMESPACE

    @property
    def _events(self) -> str:
        return f"/apis/events.k8s.io/v1/namespaces/{self._namespace}/events"


def _cut(note: str) -> str:
    encoded = note.encode()
    if len(encoded) <= MAX_NOTE:
        return note
    return encoded[: MAX_NOTE - len("…".encode())].decode(errors="ignore") + "…"
