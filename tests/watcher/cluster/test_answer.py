import orjson
import pytest

from watcher.cluster.answer import Answer, Outcome


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "done"),
        (201, "done"),
        (401, "busy"),
        (403, "forbidden"),
        (404, "gone"),
        (409, "conflict"),
        (422, "refused"),
        (429, "busy"),
        (500, "failed"),
        (503, "busy"),
    ],
)
def test_the_status_tells_what_to_do_next(status: int, outcome: Outcome) -> None:
    assert Answer(status, b"").outcome == outcome


def test_who_says_when_to_come_again_is_busy() -> None:
    assert Answer(500, b"", 1.0).outcome == "busy"


def test_a_namespace_that_is_being_deleted_lacks_no_rule() -> None:
    """As kube-apiserver answers what is to be created in one."""
    body = {
        "kind": "Status",
        "reason": "Forbidden",
        "message": "unable to create new content in namespace a because it is being terminated",
        "details": {
            "causes": [{"reason": "NamespaceTerminating", "message": "…", "field": "metadata.namespace"}]
        },
    }

    assert Answer(403, orjson.dumps(body)).outcome == "gone"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"kind": "Status", "message": "no"}', "no"),
        (b'{"kind": "Status"}', "HTTP 403"),
        (b"<html>", "HTTP 403"),
        (b'{"message": "' + b"x" * 600 + b'"}', "x" * 500 + "…"),
    ],
)
def test_the_message_is_the_api_server_s_within_bounds(body: bytes, message: str) -> None:
    assert Answer(403, body).message == message
