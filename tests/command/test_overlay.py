"""What a cluster would hold once manifests were applied to it: what `isoline diff --kubeconfig` looks at."""

from datetime import UTC, datetime
from typing import Any

import orjson

from isoline.objects import Objects
from isoline.overlay import laid_over
from runtime.link.row import Row

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
OLD = {"creationTimestamp": "2020-01-01T00:00:00Z"}


def objects(**rows: Any) -> Objects:  # noqa: ANN401 - the spec of each
    """Services of namespace `shop`; with "created" in the cluster, else as a manifest has them."""
    bodies = {f"Service/shop/{name}": body for name, body in rows.items()}
    return Objects({ref: Row.of(orjson.dumps(body)) for ref, body in bodies.items()}, "in the cluster")


def service(port: int, **metadata: str) -> dict[str, Any]:
    return {"metadata": metadata, "spec": {"ports": [{"port": port}]}}


def held(found: Objects) -> dict[str, Any]:
    """By name port and age of each Service."""
    bodies = {ref.rpartition("/")[2]: orjson.loads(row.body) for ref, row in found.rows.items()}
    return {
        name: (body["spec"]["ports"][0]["port"], body["metadata"]["creationTimestamp"])
        for name, body in bodies.items()
    }


def test_an_object_of_the_manifests_replaces_the_clusters_or_is_added() -> None:
    """What is there keeps its age, what is new is of now, whatever the manifests say: by age it is decided
    who serves a path.
    """
    cluster = objects(kept=service(1, **OLD), changed=service(2, **OLD))
    manifests = objects(changed=service(3), new=service(4, creationTimestamp="2001-01-01T00:00:00Z"))

    assert held(laid_over(cluster, manifests, NOW)) == {
        "kept": (1, "2020-01-01T00:00:00Z"),
        "changed": (3, "2020-01-01T00:00:00Z"),
        "new": (4, "2026-03-04T05:06:07Z"),
    }


def test_manifests_of_namespaces_that_are_not_read_change_nothing() -> None:
    """No watcher would hear of them."""
    manifests = objects(new=service(4))

    assert held(laid_over(objects(), manifests, NOW, ["prod"])) == {}
    assert held(laid_over(objects(), manifests, NOW, ["prod", "shop"])).keys() == {"new"}


def test_what_cannot_be_read_stays_told() -> None:
    """Of a file, with its text, and of the cluster."""
    row = Row.of(b"{}")
    cluster = Objects({"API//secrets": row}, "in the cluster")
    manifests = Objects({"File//a.yaml": row}, "in 1 file", {"a.yaml": b"a: ["})

    found = laid_over(cluster, manifests, NOW)

    assert found.rows.keys() == {"API//secrets", "File//a.yaml"}
    assert found.files == manifests.files
