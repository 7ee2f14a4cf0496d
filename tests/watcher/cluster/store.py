"""What an API server keeps: objects, their versions and the history of both."""

from dataclasses import dataclass, field

from tests.watcher.cluster.bodies import Body


class ExpiredError(Exception):
    """A version or token that is too old: 410."""


def reference(kind: str, name: str, namespace: str = "default") -> str:
    return f"{kind}/{namespace}/{name}"


@dataclass
class Store:
    """`version` counts all changes, as etcd does. `history` are the events since `compacted`."""

    version: int = 10
    objects: dict[str, Body] = field(default_factory=dict)
    history: list[tuple[int, str, Body]] = field(default_factory=list)
    compacted: int = 10
    _pages: dict[str, tuple[int, list[Body]]] = field(default_factory=dict)

    def put(self, object_: Body) -> None:
        """Makes it, or changes it, which leaves its uid."""
        metadata = object_["metadata"]
        ref = reference(object_["kind"], metadata["name"], metadata["namespace"])
        before = self.objects.get(ref)
        uid = str(self.version) if before is None else before["metadata"]["uid"]
        self.objects[ref] = self._happens("ADDED" if before is None else "MODIFIED", object_, uid)

    def delete(self, ref: str) -> None:
        """One that may not be there."""
        if (object_ := self.objects.pop(ref, None)) is not None:
            self._happens("DELETED", object_, object_["metadata"]["uid"])

    def compact(self) -> None:
        """History and the tokens of pages expire."""
        self.history, self.compacted = [], self.version
        self._pages = {}

    def listed(self, kind: str, selector: str) -> list[Body]:
        return [each for each in self.objects.values() if _is(each, kind, selector)]

    def page(self, kind: str, selector: str, limit: int, token: str) -> tuple[int, list[Body], str]:
        """Version, objects and the token of the next page; 0 is no limit. Raises ExpiredError."""
        if not token:
            version, items = self.version, self.listed(kind, selector)
        elif token in self._pages:
            version, items = self._pages[token]
        else:
            raise ExpiredError
        if not limit or len(items) <= limit:
            return version, items, ""
        following = f"{version}-{kind}-{selector}-{len(items) - limit}"
        self._pages[following] = version, items[limit:]
        return version, items[:limit], following

    def since(self, version: int, kind: str, selector: str) -> list[tuple[str, Body]]:
        """The events after a version, and their types. Raises ExpiredError."""
        if version < self.compacted:
            raise ExpiredError
        return [
            (type_, object_)
            for number, type_, object_ in self.history
            if number > version and _is(object_, kind, selector)
        ]

    def _happens(self, type_: str, object_: Body, uid: str) -> Body:
        self.version += 1
        metadata = {**object_["metadata"], "uid": uid, "resourceVersion": str(self.version)}
        new = {**object_, "metadata": metadata}
        self.history.append((self.version, type_, new))
        return new


def _is(object_: Body, kind: str, selector: str) -> bool:
    """By kind and a field selector (`type=Opaque`, `metadata.name=envoy`)."""
    fields = {"metadata.name": object_["metadata"]["name"], "type": object_.get("type")}
    wanted = [each.split("=") for each in selector.split(",") if each]
    return object_["kind"] == kind and all(fields[name] == value for name, value in wanted)
