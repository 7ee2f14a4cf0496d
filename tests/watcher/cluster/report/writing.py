"""A core that writes, before the model of an API server: requests and answers by hand."""

from collections.abc import Generator
from typing import Any

import orjson

from runtime.link.row import Row
from tests.watcher.cluster.report.server import Server
from watcher.cluster.answer import Answer, Outcome
from watcher.cluster.report.request import Request, Script

# 2026-11-25T01:00:00Z
WALL = 1_795_568_400_000_000


def run(script: Script, server: Server) -> Outcome:
    """To its end, and what that is."""
    try:
        request = next(script)
        while True:
            request = script.send(server.answer(request))
    except StopIteration as stop:
        answer: Answer | None = stop.value
        return "done" if answer is None else answer.outcome


def first(script: Generator[Request, Answer, Any]) -> Request | None:
    """What it asks first; None for nothing."""
    return next(script, None)


def row(**body: object) -> Row:
    return Row.of(orjson.dumps(body))
