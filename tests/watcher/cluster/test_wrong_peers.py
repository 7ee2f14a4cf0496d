"""Whatever answers in place of an API server, the process lives: one request, object or stream fails."""

import copy
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.watcher.cluster.bodies import added, modified
from tests.watcher.cluster.driven import Driven, source
from tests.watcher.cluster.report.server import refused
from tests.watcher.cluster.report.writing import row
from watcher.cluster.answer import Answer
from watcher.cluster.report.contests import Contests
from watcher.cluster.report.envoy_addresses import of_service
from watcher.cluster.report.ingress_status import IngressStatus
from watcher.cluster.report.lease import Lease
from watcher.cluster.report.problem_events import ProblemEvents
from watcher.cluster.report.request import Request
from watcher.cluster.report.written import Written

WEB = "Ingress/default/web"
METADATA = {
    "name": "web",
    "namespace": "default",
    "uid": "u",
    "resourceVersion": "5",
    "managedFields": [{"manager": "us", "subresource": "status"}],
}
ENTRIES = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1", "hostname": "lb.example.com"}]}}
INGRESS = {"kind": "Ingress", "metadata": METADATA, "spec": {}, "status": ENTRIES}
SERVICE = {"kind": "Service", "metadata": METADATA, "spec": {"externalIPs": ["192.0.2.1"]}, "status": ENTRIES}
LEASE = {"metadata": METADATA, "spec": {"holderIdentity": "b", "leaseTransitions": 1}}
STATUS = {"message": "no", "details": {"causes": [{"reason": "NamespaceTerminating"}]}}

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text("ab/é"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab"), inner, max_size=2),
    max_leaves=5,
)


def like(body: dict[str, Any]) -> st.SearchStrategy[Any]:
    """This, but for some of its fields, which are anything or not there."""

    @st.composite
    def draw(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Any:  # noqa: ANN401
        found = [copy.deepcopy(body)]
        for _ in range(draw(st.integers(0, 3))):
            at: Any = found
            key: Any = 0
            while isinstance(at[key], dict | list) and at[key] and draw(st.integers(0, 3)):
                at = at[key]
                key = draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
            if isinstance(at, dict) and draw(st.booleans()):
                del at[key]
            else:
                at[key] = draw(anything)
        return found[0]

    return draw()


def answers(body: dict[str, Any]) -> st.SearchStrategy[Answer]:
    status = st.sampled_from((200, 201, 302, 403, 404, 409, 422, 500, 503))
    said = like(body).map(orjson.dumps) | st.binary(max_size=20)
    return st.builds(Answer, status, said, st.none() | st.floats(0.0, 100.0))


@pytest.mark.law
@given(answers(STATUS))
def test_any_answer_has_an_outcome_and_a_message(answer: Answer) -> None:
    assert answer.outcome
    assert answer.message


@pytest.mark.law
@given(st.lists(answers(LEASE), max_size=8))
def test_a_candidate_outlives_any_answer(found: list[Answer]) -> None:
    """And what it sends next is JSON."""
    lease = Lease("isoline", "watcher", "a", lambda: 0.5)

    for now, answer in enumerate(found):
        request = lease.next(100.0 + 20.0 * now, 0)
        assert request is not None
        orjson.dumps(request.body)
        lease.answered(answer, 100.0 + 20.0 * now)

    assert isinstance(lease.holder, str)


def after_a_conflict(body: bytes) -> Request | Answer | None:
    """What follows on this answer to what is there now: a request, or the end."""
    written = {WEB: Written("4", b"[]", ours=False)}
    core = IngressStatus(written, [{WEB: row(routes=1)}], "us", Contests(lambda: 0.5))
    core.addresses = [{"ip": "192.0.2.1"}]
    script = core.write(WEB, 0.0)
    next(script)
    script.send(refused(409, "modified"))
    try:
        return script.send(Answer(200, body))
    except StopIteration as stop:
        decisive: Answer | None = stop.value
        return decisive


@pytest.mark.law
@given(like(INGRESS).map(orjson.dumps) | st.binary(max_size=20))
def test_a_conflict_outlives_any_answer_to_what_is_there(body: bytes) -> None:
    found = after_a_conflict(body)

    assert not isinstance(found, Answer) or found.outcome == "busy"


@pytest.mark.law
@given(st.lists(like(INGRESS) | like(SERVICE), min_size=1, max_size=4))
def test_a_watch_outlives_any_object_and_so_do_events_about_it(bodies: list[object]) -> None:
    """It is passed over, or the stream has ended."""
    for kind, fact in (("Ingress", lambda body: Written.of(body, "us")), ("Service", of_service)):
        driven = Driven(source(kind), fact)
        driven.lists(version=4)
        for body in bodies:
            driven.says(orjson.dumps({"type": "ADDED", "object": body}) + b"\n")
        ref = f"{kind}/default/web"
        said = row(problems=[{"severity": "error", "reason": "X", "message": "m", "field": ""}], routes=1)

        request = next(ProblemEvents(driven.rows, [{ref: said}], "us").write(ref, 0.0, 0), None)

        orjson.dumps(None if request is None else request.body)


@pytest.mark.parametrize("details", ["blocked by policy", {"causes": "all"}, {"causes": ["all"]}])
def test_a_refusal_of_any_shape_is_a_refusal(details: object) -> None:
    """A policy's, or a proxy's."""
    assert Answer(403, orjson.dumps({"details": details})).outcome == "forbidden"


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"metadata": "x"}', b'{"metadata": {}}'])
def test_what_is_no_ingress_is_tried_again_later(body: bytes) -> None:
    """As with an API server that is busy: nothing is said of ours."""
    found = after_a_conflict(body)

    assert isinstance(found, Answer)
    assert found.outcome == "busy"


@pytest.mark.parametrize("change", [{"metadata": {**METADATA, "resourceVersion": None}}, {"status": "x"}])
def test_an_ingress_of_which_nothing_can_be_known_is_passed_over(change: dict[str, Any]) -> None:
    """Its neighbours count. One whose status is no status has none."""
    driven = Driven(source("Ingress"), lambda body: Written.of(body, "us"))
    driven.lists(version=4)
    other = {**INGRESS, "metadata": {**METADATA, "name": "other"}}

    assert driven.says(added({**INGRESS, **change}), modified(other))

    assert driven.reflector.objects.facts.keys() - {WEB} == {"Ingress/default/other"}


def test_of_an_object_without_uid_nothing_is_told() -> None:
    """An Event is about a uid."""
    rows = {WEB: row(kind="Ingress", apiVersion="networking.k8s.io/v1", metadata={"name": "web"})}
    said = row(problems=[{"severity": "error", "reason": "X", "message": "m", "field": ""}], routes=1)

    assert next(ProblemEvents(rows, [{WEB: said}], "us").write(WEB, 0.0, 0), None) is None
