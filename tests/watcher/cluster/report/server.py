"""A model of the API server: objects by path, versions that are compared, managed fields of a status."""

import copy
from typing import Any

import orjson

from watcher.cluster.answer import Answer
from watcher.cluster.report.request import Request

Body = dict[str, Any]


class Server:
    """`objects` by path; `wrote` are the requests that have changed one, `path` and `method`."""

    def __init__(self) -> None:
        self.objects: dict[str, Body] = {}
        self.asked: list[tuple[str, str]] = []
        self.wrote: list[tuple[str, str]] = []
        self._version = 0

    def answer(self, request: Request) -> Answer:
        body: Any = orjson.loads(orjson.dumps(request.body))
        self.asked.append((request.method, request.path))
        match request.method:
            case "GET":
                return self._found(request.path)
            case "POST":
                return self._create(f"{request.path}/{body['metadata']['name']}", body)
            case "PUT":
                return self._change(request, body)
            case _:
                return self._patch(request, body)

    def put(self, path: str, body: Body, manager: str = "somebody") -> None:
        """Another's write."""
        self._store(path, copy.deepcopy(body), manager)

    def entries(self, path: str) -> list[Body]:
        """Of an Ingress's status."""
        entries: list[Body] = self.objects[path]["status"]["loadBalancer"].get("ingress", [])
        return entries

    def _found(self, path: str) -> Answer:
        if path not in self.objects:
            return refused(404, "not found")
        return Answer(200, orjson.dumps(self.objects[path]))

    def _create(self, path: str, body: Body) -> Answer:
        if path in self.objects:
            return refused(409, "already exists")
        self._store(path, body, "")
        self.wrote.append(("POST", path))
        return Answer(201, orjson.dumps(self.objects[path]))

    def _change(self, request: Request, body: Body) -> Answer:
        found = self.objects.get(request.path)
        if found is None:
            return refused(404, "not found")
        if body["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
            return refused(409, "the object has been modified")
        if body != found:  # else there is nothing to store, and the version stays
            self._store(request.path, body, "")
            self.wrote.append(("PUT", request.path))
        return Answer(200, orjson.dumps(self.objects[request.path]))

    def _patch(self, request: Request, patch: Body) -> Answer:
        path = request.path.removesuffix("/status")
        found = self.objects.get(path)
        if found is None:
            return refused(404, "not found")
        version = patch.get("metadata", {}).get("resourceVersion")
        if version not in (None, found["metadata"]["resourceVersion"]):
            return refused(409, "the object has been modified")
        merged = _merge(found, patch)
        if merged != found:
            self._store(path, merged, request.query.get("fieldManager", "") if path != request.path else "")
            self.wrote.append(("PATCH", path))
        return Answer(200, orjson.dumps(self.objects[path]))

    def _store(self, path: str, body: Body, manager: str) -> None:
        """`manager` is of the status, and has all of it: its addresses are one list."""
        self._version += 1
        old = self.objects.get(path, {"metadata": {"uid": f"uid-{self._version}"}})
        metadata = {"uid": old["metadata"]["uid"], **body["metadata"], "resourceVersion": str(self._version)}
        if manager:
            metadata["managedFields"] = [{"manager": manager, "subresource": "status"}]
        self.objects[path] = {**body, "metadata": metadata}


def refused(status: int, message: str, retry_after: float | None = None) -> Answer:
    return Answer(status, orjson.dumps({"kind": "Status", "message": message}), retry_after)


def _merge(into: Body, patch: Body) -> Body:
    """RFC 7386."""
    merged = dict(into)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = _merge(merged.get(key, {}), value)
        else:
            merged[key] = value
    return merged
