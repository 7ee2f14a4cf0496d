"""What a cluster would hold once manifests were applied to it."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

import orjson

from isoline.objects import Objects
from runtime.link.row import Row
from translator.store import kind_of


def laid_over(
    cluster: Objects, manifests: Objects, now: datetime, namespaces: Collection[str] = ()
) -> Objects:
    """The objects of the cluster, with those of the manifests in their place or beside them.

    Of these `namespaces` alone, if there are any. An object that is there keeps its age, a new one is of
    `now`: by age it is decided who has a path that two Ingresses want.
    """
    rows = dict(cluster.rows)
    for ref, row in manifests.rows.items():
        if kind_of(ref) == "File":
            rows[ref] = row
        elif not namespaces or ref.split("/")[1] in {"", *namespaces}:
            rows[ref] = _applied(row, rows.get(ref), now)
    return replace(cluster, rows=rows, files=manifests.files, ignored=manifests.ignored)


def _applied(row: Row, before: Row | None, now: datetime) -> Row:
    body = orjson.loads(row.body)
    known = orjson.loads(before.body)["metadata"] if before is not None else {}
    created = known.get("creationTimestamp", now.strftime("%Y-%m-%dT%H:%M:%SZ"))
    body["metadata"] |= {"creationTimestamp": created}
    return Row.of(orjson.dumps(body), origin=row.origin)
