"""Which objects are read, and what of each is kept."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

# What is read of a value: all of it, or these fields; of a list, of each of its items.
Shape = Mapping[str, "Shape"] | None
WHOLE: Final = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind that the translator reads, in the one version that is served; `shape` are the fields it reads.

    `former` are versions of the same kind in other API groups.
    """

    name: str
    version: str
    shape: Mapping[str, Shape]
    namespaced: bool = True
    former: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The API group, empty for the core."""
        return self.version.rpartition("/")[0]


def _whole(*fields: str) -> Shape:
    return dict.fromkeys(fields, WHOLE)


def _metadata(*fields: str) -> Shape:
    """An object that was made anew is another one, and an Event is about one object."""
    return _whole("uid", *fields)


_PORTS: Final = _whole("name", "port", "protocol", "appProtocol")

READ: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(
            "Ingress",
            "networking.k8s.io/v1",
            {"metadata": _metadata("annotations", "creationTimestamp"), "spec": WHOLE},
            former=("extensions/v1beta1",),
        ),
        Kind(
            "IngressClass",
            "networking.k8s.io/v1",
            {"metadata": _metadata("annotations"), "spec": _whole("controller")},
            namespaced=False,
        ),
        Kind(
            "Service",
            "v1",
            {
                "metadata": _metadata("annotations"),
                "spec": {"type": WHOLE, "externalName": WHOLE, "ports": _PORTS},
            },
        ),
        # Pods' names and nodes change with each rollout; their addresses alone are served.
        Kind(
            "EndpointSlice",
            "discovery.k8s.io/v1",
            {
                "metadata": {"uid": WHOLE, "labels": _whole("kubernetes.io/service-name")},
                "addressType": WHOLE,
                "endpoints": _whole("addresses", "conditions", "zone"),
                "ports": _PORTS,
            },
        ),
        Kind("Secret", "v1", {"metadata": _metadata()}),  # and its type, and two of its keys
        Kind(
            "TLSCertificateDelegation",
            "projectcontour.io/v1",
            {"metadata": _metadata(), "spec": WHOLE},
            former=("contour.heptio.com/v1beta1",),
        ),
    )
}

# A copy of the whole object, of a Secret's key too.
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
TLS: Final = "kubernetes.io/tls"
OPAQUE: Final = "Opaque"  # a Secret without a type
DEFAULT_NAMESPACE: Final = "default"
TLS_KEYS: Final = ("tls.crt", "tls.key")

# Names as API servers take them: DNS subdomains, and DNS labels for namespaces (RFC 1123).
_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
NAMESPACE: Final = re.compile(_LABEL)
MAX_NAME: Final = 253
MAX_NAMESPACE: Final = 63

TYPES: Final[Mapping[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "nothing",
}


class InvalidError(Exception):
    """What an API server would refuse before it looks into the object."""


class UnsupportedError(Exception):
    """A kind that is read, in a version that isn't."""


def kind_of(body: Mapping[str, Any]) -> Kind | None:
    """The kind of an object; None when nobody reads it. Raises InvalidError and UnsupportedError."""
    version, name = body.get("apiVersion"), body.get("kind")
    for field, value in (("apiVersion", version), ("kind", name)):
        if not isinstance(value, str) or not value:
            raise InvalidError(f"{field}: expected a string, found {_found(value)}")
    kind = READ.get(str(name))
    if kind is None or version == kind.version:
        return kind
    if version in kind.former or str(version).rpartition("/")[0] == kind.group:
        metadata = body.get("metadata")
        named = f" {metadata.get('name')}" if isinstance(metadata, dict) else ""
        raise UnsupportedError(f"{name}{named}: {version} is not served; write apiVersion: {kind.version}")
    return None


def ignored_name(body: Mapping[str, Any]) -> str:
    """A kind that nobody reads, as kubectl writes it (`Deployment.apps`); a Secret with its type."""
    name, group = body.get("kind"), str(body.get("apiVersion")).rpartition("/")[0]
    if name == "Secret" and not group:
        return f"Secret of type {body.get('type') or OPAQUE}"
    return f"{name}.{group}" if group else str(name)


def reduced(
    kind: Kind, body: Mapping[str, Any], namespace: str = DEFAULT_NAMESPACE
) -> tuple[str, dict[str, Any]] | None:
    """The reference `Kind/namespace/name` and what is kept of an object; None when nobody could use it.

    `namespace` is that of an object which names none.

    Raises InvalidError. The object itself stays as it is: parts of it may be shared by YAML aliases.
    """
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        raise InvalidError(f"metadata: expected an object, found {_found(metadata)}")
    name = _name("metadata.name", metadata.get("name"), NAME, MAX_NAME)
    if kind.namespaced:
        written = metadata.get("namespace")
        wanted = namespace if written in (None, "") else written
        namespace = _name("metadata.namespace", wanted, NAMESPACE, MAX_NAMESPACE)
    else:
        namespace = ""
    content = {field: _only(shape, body[field]) for field, shape in kind.shape.items() if field in body}
    read = content.pop("metadata", {})
    if kind.name == "Secret":
        secret = _secret(body)
        if secret is None:
            return None
        content = secret
    kept: dict[str, Any] = {"name": name, "namespace": namespace} if kind.namespaced else {"name": name}
    kept.update((field, value) for field, value in read.items() if value is not None)
    annotations = kept.get("annotations")
    if isinstance(annotations, dict) and LAST_APPLIED in annotations:
        kept["annotations"] = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
    reference = f"{kind.name}/{namespace}/{name}"
    return reference, {"kind": kind.name, "apiVersion": kind.version, "metadata": kept, **content}


def _name(field: str, value: object, pattern: re.Pattern[str], limit: int) -> str:
    if not isinstance(value, str) or not value:
        hint = "; write it in quotes" if isinstance(value, int | float) else ""
        raise InvalidError(f"{field}: expected a string, found {_found(value)}{hint}")
    if len(value) > limit or not pattern.fullmatch(value):
        raise InvalidError(
            f"{field}: {value[:MAX_NAME]!r} is no name that Kubernetes takes: "
            f"up to {limit} lower-case letters, digits" + (", '-' and '.'" if pattern is NAME else " and '-'")
        )
    return value


def _found(value: object) -> str:
    return "an empty string" if value == "" else TYPES.get(type(value), "something else")


def _secret(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Type and the two keys of a TLS Secret, stringData folded in as an API server does."""
    type_ = body.get("type") or OPAQUE
    data, written = body.get("data"), body.get("stringData")
    if not isinstance(data, dict | None) or not isinstance(written, dict | None):
        field, value = ("stringData", written) if isinstance(data, dict | None) else ("data", data)
        raise InvalidError(f"{field}: expected an object, found {_found(value)}")
    kept = {key: data[key] for key in TLS_KEYS if key in data} if data else {}
    for key in TLS_KEYS:
        if written and key in written:
            value = written[key]
            if not isinstance(value, str):
                raise InvalidError(f"stringData.{key}: expected a string, found {_found(value)}")
            kept[key] = b64encode(value.encode(errors="surrogatepass")).decode()
    if type_ != TLS and (type_ != OPAQUE or len(kept) < len(TLS_KEYS)):
        return None
    return {"type": type_, "data": kept}


def _only(shape: Shape, value: Any) -> Any:  # noqa: ANN401 - JSON
    """Of a value what is read; what is of another type than it should be stays, and is told by its reader."""
    if shape is WHOLE:
        return value
    if isinstance(value, dict):
        return {field: _only(inner, value[field]) for field, inner in shape.items() if field in value}
    return [_only(shape, item) for item in value] if isinstance(value, list) else value
