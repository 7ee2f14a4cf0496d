"""What is to stand in the status of each Ingress: where Envoy is reached, while a route of it is served."""

from collections.abc import Generator, Mapping, Sequence
from typing import Final

import orjson

from runtime.link.row import Row
from watcher.cluster.answer import Answer
from watcher.cluster.report.contests import Contests
from watcher.cluster.report.request import MERGE_PATCH, Request, Script
from watcher.cluster.report.written import Written, addresses
from watcher.kinds import InvalidError

# An entry of status.loadBalancer.ingress: `{"ip": …}` or `{"hostname": …}`.
Address = Mapping[str, str]
# Where an Ingress should be: something else than the API server has answered.
NO_INGRESS: Final = Answer(502, b"")


class IngressStatus:
    """Compares what should be written with what is. `written` has every Ingress that there is, `tables` are
    the statuses that the translators publish; both are read when they are needed.

    `addresses` are None while nobody knows them: then nothing is written, and nothing cleared.
    """

    def __init__(
        self,
        written: Mapping[str, Written],
        tables: Sequence[Mapping[str, Row]],
        manager: str,
        contests: Contests,
    ) -> None:
        self.addresses: Sequence[Address] | None = None
        self._written = written
        self._tables = tables
        self._manager = manager
        self._contests = contests
        self._postponed: dict[str, float] = {}

    def begin(self) -> None:
        """A term begins."""
        self._postponed.clear()
        self._contests.clear()

    def due(self, ref: str) -> float | None:
        """When an object is to be looked at again although nothing has changed."""
        return self._postponed.get(ref)

    def write(self, ref: str, now: float) -> Script:
        """Brings one Ingress's status to what it should be. One that has changed since it was seen is read
        and compared anew; if that is too late again, it waits its turn.
        """
        self._postponed.pop(ref, None)
        actual = self._written.get(ref)
        if actual is None:
            self._contests.forget(ref)
            return None
        answer = yield from self._bring(ref, actual, now)
        if answer is None or answer.outcome != "conflict":
            return answer
        found = yield Request("GET", _path(ref))
        if found.outcome != "done":
            return found
        try:
            actual = Written.of(found.json(), self._manager)
        except InvalidError:
            return NO_INGRESS
        return (yield from self._bring(ref, actual, now))

    def _bring(self, ref: str, actual: Written, now: float) -> Generator[Request, Answer, Answer | None]:
        """One try. None when nothing is to be written, or not yet."""
        wanted = self._wanted(ref, actual)
        if wanted is None:
            return None
        value = addresses(wanted)
        if value == actual.addresses:
            self._contests.stands(ref, now)
            return None
        until = self._contests.until(ref, value, actual, now)
        if now < until:
            self._postponed[ref] = until
            return None
        body = {
            "metadata": {"resourceVersion": actual.version},
            "status": {"loadBalancer": {"ingress": [dict(address) for address in wanted] or None}},
        }
        path, manager = f"{_path(ref)}/status", {"fieldManager": self._manager}
        answer = yield Request("PATCH", path, body, manager, MERGE_PATCH)
        if answer.outcome == "done":
            self._contests.wrote(ref, value, actual, now)
        return answer

    def _wanted(self, ref: str, actual: Written) -> Sequence[Address] | None:
        """None when it is to stay as it is. Somebody else's addresses are never cleared."""
        if self.addresses is None:
            return None
        wanted = self.addresses if self._served(ref) else ()
        return wanted if wanted or actual.ours else None

    def _served(self, ref: str) -> bool:
        """Whether one of the translators has a route of it: it has rows for those alone that are ours."""
        rows = (table.get(ref) for table in self._tables)
        return any(row is not None and orjson.loads(row.body).get("routes", 0) > 0 for row in rows)


def _path(ref: str) -> str:
    _, namespace, name = ref.split("/")
    return f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses/{name}"
