"""The table of objects that a watcher publishes, wherever they come from."""

import time
from collections.abc import Mapping
from typing import Any, Final

import prometheus_client
import structlog

from runtime.link.link_publisher import LinkPublisher
from runtime.link.row import Row

log = structlog.get_logger()

OBJECTS: Final = "objects"

BATCHES = prometheus_client.Counter("isoline_watcher_batches", "Batches of objects published.")
ROWS = prometheus_client.Counter("isoline_watcher_rows", "Rows put or deleted.")
SECONDS = prometheus_client.Histogram(
    "isoline_watcher_change_seconds",
    "Time from the first notice of a change to what follows being published.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2, 10),
)


def publish(
    publisher: LinkPublisher,
    *,
    puts: Mapping[str, Row],
    deletes: frozenset[str],
    held: frozenset[str],
    since: float,
    **about: Any,  # noqa: ANN401 - for the log
) -> None:
    """Publishes one decision, complete; `since` is when its oldest cause was seen, in time.monotonic()."""
    took = time.monotonic() - since
    publisher.publish(OBJECTS, puts=puts, deletes=deletes, synced=True, held=held, at=time.time() - took)
    if puts or deletes:
        BATCHES.inc()
        ROWS.inc(len(puts) + len(deletes))
        SECONDS.observe(took)
        log.debug("objects published", puts=len(puts), deletes=len(deletes), **about)
