"""What `isoline up` says on stderr: a line when a problem comes, a line when it goes, a line a change."""

from collections.abc import Iterable
from typing import Any

import orjson

from isoline.place import Places
from isoline.up.telling import Problems, Rejections, deliveries
from runtime.link.row import Change, Row

WEB = "Ingress/shop/web"
MISSING = {"severity": "error", "reason": "ServiceNotFound", "message": "no Service a", "field": "spec.rules"}
SOURCE = {"file": "web.yaml", "line": 3, "document": 0, "item": None}


def change(puts: dict[str, Any] | None = None, deletes: Iterable[str] = ()) -> Change:
    """Rows with these bodies."""
    rows = {key: Row.of(orjson.dumps(body)) for key, body in (puts or {}).items()}
    return Change(rows, frozenset(deletes), synced=True)


def status(*problems: dict[str, Any], line: int = 3) -> dict[str, Any]:
    """The body of an object's status."""
    return {"problems": problems, "source": {**SOURCE, "line": line}, "routes": 1}


def problems() -> Problems:
    """Of files that cannot be read: every line is the object's."""
    return Problems(Places(lambda _path: None))


def test_a_problem_is_told_once_and_again_when_it_goes() -> None:
    """In the form of `isoline check`."""
    told = problems()
    line = "Ingress shop/web: ServiceNotFound: no Service a (web.yaml:3)"

    assert list(told.apply(change({WEB: status(MISSING)}))) == [line]
    assert list(told.apply(change({WEB: status(MISSING)}))) == []
    assert list(told.apply(change({WEB: status()}))) == [f"resolved: {line}"]
    assert list(told.apply(change({WEB: status()}))) == []


def test_a_deleted_objects_problems_are_resolved() -> None:
    """Those of an unreadable file that is removed, too."""
    told = problems()
    broken = {"severity": "error", "reason": "Unreadable", "message": "line 2, column 1: what?", "line": 2}
    file = {"kind": "File", "metadata": {"name": "a.yaml"}, "problems": [broken]}
    list(told.apply(change({WEB: status(MISSING), "File//a.yaml": file})))

    assert list(told.apply(change(deletes=[WEB, "File//a.yaml"]))) == [
        "resolved: File a.yaml: Unreadable: line 2, column 1: what? (a.yaml:2)",
        "resolved: Ingress shop/web: ServiceNotFound: no Service a (web.yaml:3)",
    ]


def test_a_problem_that_moves_with_an_edit_above_it_is_no_news() -> None:
    """When it goes, the line that was said comes again."""
    told = problems()
    list(told.apply(change({WEB: status(MISSING)})))

    assert list(told.apply(change({WEB: status(MISSING, line=9)}))) == []
    assert list(told.apply(change({WEB: status(line=9)}))) == [
        "resolved: Ingress shop/web: ServiceNotFound: no Service a (web.yaml:3)"
    ]


def test_what_is_resolved_is_told_before_what_is_new() -> None:
    """An edit that trades one mistake for another reads in that order."""
    told = problems()
    list(told.apply(change({WEB: status(MISSING)})))
    other = {**MISSING, "message": "no Service b", "severity": "warning"}

    assert list(told.apply(change({WEB: status(other)}))) == [
        "resolved: Ingress shop/web: ServiceNotFound: no Service a (web.yaml:3)",
        "Ingress shop/web: warning: ServiceNotFound: no Service b (web.yaml:3)",
    ]


def delivery(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A row of one host sent to one Envoy."""
    body = {"changed": ["hosts/h"], "resources": 1, "removed": 0, "bytes": 195, "envoys": 1}
    return {**body, "at": 1.0, "seconds": 0.0123, "complete": True, **changed}


def test_a_delivery_says_what_how_much_and_how_long() -> None:
    """One line a change, the oldest first."""
    many = delivery(
        changed=["a", "b", "c", "d"], resources=9, removed=2, bytes=4000, envoys=3, at=2.0, seconds=1.25
    )
    gone = delivery(changed=["hosts/x"], resources=0, removed=1, at=0.5)
    late = delivery(at=3.0, seconds=5.0, complete=False)

    assert list(deliveries(change({"003": late, "002": many, "000": gone, "001": delivery()}))) == [
        "hosts/x: 1 removed, 195 bytes, acknowledged after 12 ms",
        "hosts/h: 1 resource, 195 bytes, acknowledged after 12 ms",
        "a, b, c and 8 more: 9 resources, 2 removed, 4000 bytes, acknowledged by 3 Envoys after 1.2 s",
        "hosts/h: 1 resource, 195 bytes, not acknowledged after 5.0 s",
    ]


def test_a_rejection_that_no_object_is_to_blame_for_is_told() -> None:
    """Those of hosts, clusters and endpoints are told as problems of their objects."""
    told = Rejections()
    body = {
        "resource": "listeners/ingress_http",
        "node": "n",
        "message": "cannot bind\n0.0.0.0:80",
        "version": "1",
    }
    rows = {"listeners/ingress_http|n": body, "hosts/h|n": {**body, "resource": "hosts/h"}}

    assert list(told.apply(change(rows))) == ["Envoy refuses listeners/ingress_http: cannot bind 0.0.0.0:80"]
    assert list(told.apply(change(deletes=rows))) == [
        "resolved: Envoy refuses listeners/ingress_http: cannot bind 0.0.0.0:80"
    ]
