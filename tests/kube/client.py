"""A client of the Kubernetes API for tests."""

import json
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import yaml

from tests.kube.kind import Kind, Kinds
from tests.support.deadline import wait_until

Object = dict[str, Any]
Objects = list[Object]

_PATCHES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}


class ApiError(Exception):
    """The API server refused: its status code, its reason (`NotFound`) and its message."""

    def __init__(self, response: httpx.Response) -> None:
        try:
            status = response.json()
        except ValueError:
            status = {"message": response.text}
        self.code = response.status_code
        self.reason = str(status.get("reason", ""))
        self.message = str(status.get("message", ""))
        request = response.request
        super().__init__(f"{request.method} {request.url.path}: {self.code} {self.reason}: {self.message}")


class Client:
    """Acts in `namespace` unless an object or a call names another.

    Kinds are named as in manifests (`Ingress`). Raises ApiError where the server refuses, OSError where none
    answers.
    """

    def __init__(
        self,
        url: str,
        tls: ssl.SSLContext,
        *,
        token: str | None = None,
        namespace: str = "default",
    ) -> None:
        self.namespace = namespace
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url, verify=tls, headers=headers, timeout=30.0, trust_env=False)
        self._kinds = Kinds(self.ask)
        self._applied: dict[str, None] = {}

    def close(self) -> None:
        """Ends its connections."""
        self._http.close()

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        params: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - any JSON
        """One request; the JSON that it answers, or its text where that is none."""
        headers = {"accept": accept} | ({} if body is None else {"content-type": content_type})
        content = None if body is None else json.dumps(body)
        try:
            response = self._http.request(method, path, content=content, headers=headers, params=params)
        except httpx.TransportError as error:
            raise OSError(f"{method} {path}: {error!r}") from error
        if response.is_error:
            raise ApiError(response)
        return response.json() if "json" in response.headers.get("content-type", "") else response.text

    def apply(self, *objects: Object | str) -> Objects:
        """Creates or updates by server-side apply, each argument one object or the text of manifests, and
        answers them as stored. What a CustomResourceDefinition defines is served when this returns.
        """
        wanted = [item for given in objects for item in _objects(given)]
        return [self._apply(item) for item in wanted]

    def _apply(self, wanted: Object) -> Object:
        path = self._path_of(wanted)
        params = {"fieldManager": "tests", "force": "true"}
        stored: Object = self.ask(
            "PATCH", path, wanted, content_type="application/apply-patch+yaml", params=params
        )
        self._applied[path] = None
        if wanted["kind"] == "CustomResourceDefinition":
            names = stored["spec"]["names"]
            wait_until(lambda: self._kinds.serves(names["kind"]), f"{names['plural']} are served")
        return stored

    def get(self, kind: str, name: str, *, namespace: str | None = None) -> Object:
        """The object."""
        found: Object = self.ask("GET", self._path(kind, name, namespace))
        return found

    def list(self, kind: str, *, namespace: str | None = None) -> Objects:
        """The objects of one namespace; of all with namespace `""`."""
        items: Objects = self.ask("GET", self._path(kind, "", namespace))["items"]
        return items

    def patch(
        self,
        kind: str,
        name: str,
        change: Object | Sequence[Object],
        *,
        how: str = "merge",
        namespace: str | None = None,
    ) -> Object:
        """Patches by `merge`, `json` or `strategic`; the object as stored."""
        path = self._path(kind, name, namespace)
        stored: Object = self.ask("PATCH", path, change, content_type=_PATCHES[how])
        return stored

    def patch_status(self, kind: str, name: str, status: Object, *, namespace: str | None = None) -> Object:
        """Merges `status` into the object's; the object as stored."""
        path = f"{self._path(kind, name, namespace)}/status"
        stored: Object = self.ask("PATCH", path, {"status": status}, content_type=_PATCHES["merge"])
        return stored

    def delete(self, kind: str, name: str, *, namespace: str | None = None) -> None:
        """Deletes it, as its finalizers allow. A Namespace is gone at once, and what is in it stays: no
        controller is there that would empty it. A CustomResourceDefinition is gone when this returns.
        """
        path = self._path(kind, name, namespace)
        self._delete(path)

    def _delete(self, path: str) -> None:
        left = self.ask("DELETE", path)
        match left["kind"]:
            case "Namespace":
                self.ask("PUT", f"{path}/finalize", left | {"spec": {"finalizers": []}})
            case "CustomResourceDefinition":  # the server empties it first
                wait_until(lambda: not self._is_there(path), f"{path} is gone")

    def _is_there(self, path: str) -> bool:
        try:
            self.ask("GET", path)
        except ApiError as error:
            if error.code != httpx.codes.NOT_FOUND:
                raise
            return False
        return True

    def clean(self) -> None:
        """Deletes what it has applied and is still there, the last first."""
        for path in reversed(self._applied):
            if self._is_there(path):
                self._delete(path)
        self._applied.clear()

    def token(self, service_account: str, *, namespace: str | None = None, seconds: int = 3600) -> str:
        """A token for this ServiceAccount; the server gives none for less than ten minutes."""
        path = f"{self._path('ServiceAccount', service_account, namespace)}/token"
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        return str(self.ask("POST", path, body)["status"]["token"])

    def _path_of(self, wanted: Object) -> str:
        metadata = wanted["metadata"]
        kind = self._kinds.find(wanted["kind"], wanted["apiVersion"])
        return kind.path(metadata.get("namespace", self.namespace), metadata["name"])

    def _path(self, kind: str, name: str, namespace: str | None) -> str:
        found: Kind = self._kinds.find(kind)
        return found.path(self.namespace if namespace is None else namespace, name)


def _objects(given: Object | str) -> Objects:
    return [item for item in yaml.safe_load_all(given) if item] if isinstance(given, str) else [given]
