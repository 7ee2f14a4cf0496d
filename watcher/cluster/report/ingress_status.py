"""What is to stand in the status of each Ingress: where Envoy is reached, while a route of it is served."""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from runtime.link.row import Row
from watcher.cluster.answer import Answer
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
        self, written: Mapping[str, Written], tables: Sequence[Mapping[str, Row]], manager: str
    ) -> None:
        self.addresses: Sequence[Address] | None = None
        self._written = written
        self._tables = tables
        self._manager = manager

    def write(self, ref: str) -> Script:
        """Brings one Ingress's status to what it should be. One that has changed since it was seen is read
        and compared anew; if that is too late again, it waits its turn.
        """
        actual = self._written.get(ref)
        patch = None if actual is None else self._patch(ref, actual)
        if patch is None:
            return None
        answer = yield patch
        if answer.outcome != "conflict":
            return answer
        found = yield Request("GET", _path(ref))
        if found.outcome != "done":
            return found
        try:
            actual = Written.of(found.json(), self._manager)
        except InvalidError:
            return NO_INGRESS
        patch = self._patch(ref, actual)
        return None if patch is None else (yield patch)

    def _patch(self, ref: str, actual: Written) -> Request | None:
        """None when nothing is to be written. Somebody else's addresses are never cleared."""
        if self.addresses is None:
            return None
        wanted = self.addresses if self._served(ref) else ()
        if addresses(wanted) == actual.addresses or not (wanted or actual.ours):
            return None
        body = {
            "metadata": {"resourceVersion": actual.version},
            "status": {"loadBalancer": {"ingress": [dict(address) for address in wanted] or None}},
        }
        return Request("PATCH", f"{_path(ref)}/status", body, {"fieldManager": self._manager}, MERGE_PATCH)

    def _served(self, ref: str) -> bool:
        """Whether one of the translators has a route of it: it has rows for those alone that are ours."""
        rows = (table.get(ref) for table in self._tables)
        return any(row is not None and orjson.loads(row.body).get("routes", 0) > 0 for row in rows)


def _path(ref: str) -> str:
    _, namespace, name = ref.split("/")
    return f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses/{name}"
