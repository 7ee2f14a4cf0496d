"""One kind of requests to the API server: counted, and told in the log when they stop and start to work."""

from collections.abc import Mapping
from typing import Protocol

import prometheus_client
import structlog

from watcher.cluster.answer import Answer, UnreachableError
from watcher.cluster.report.request import Request

log = structlog.get_logger()

WRITES = prometheus_client.Counter(
    "isoline_watcher_writes",
    "Writes to the API server, by kind (lease, status, event) and outcome.",
    ["kind", "outcome"],
)


class Api(Protocol):
    """What is needed of the API server; `namespace` is ours. Raises UnreachableError."""

    @property
    def namespace(self) -> str:
        """Ours."""
        ...

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = ...,
        body: object = None,
        content_type: str = ...,
        seconds: float = ...,
    ) -> Answer:
        """The answer to one request, whatever its status; UnreachableError when there is none."""
        ...


class Calls:
    """Sends requests of one kind. However long the API server is away, that is two lines in the log."""

    def __init__(self, api: Api, kind: str) -> None:
        self.kind = kind
        self._api = api
        self._trouble = False

    async def send(self, request: Request, seconds: float) -> Answer | None:
        """The answer; None when there is none within these seconds, or no connection."""
        answer, trouble = None, None
        try:
            answer = await self._api.call(
                request.method,
                request.path,
                query=request.query,
                body=request.body,
                content_type=request.content_type,
                seconds=seconds,
            )
        except UnreachableError as error:
            trouble = str(error)
        outcome = "unreachable" if answer is None else answer.outcome
        if request.method != "GET":
            WRITES.labels(self.kind, outcome).inc()
        if answer is not None and outcome == "busy":
            trouble = answer.message
        self._tell(trouble)
        return answer

    def _tell(self, trouble: str | None) -> None:
        if trouble is not None and not self._trouble:
            log.warning("API server does not answer", writing=self.kind, error=trouble)
        elif trouble is None and self._trouble:
            log.info("API server answers again", writing=self.kind)
        self._trouble = trouble is not None
