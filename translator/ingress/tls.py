"""The `tls` of an Ingress: for which hosts it brings which Secret."""

import re
from collections.abc import Iterator
from typing import Any

from translator import names, reasons, unread
from translator.delegation import is_granted
from translator.derive import View
from translator.field import Field
from translator.ingress import annotation, host
from translator.model import TlsClaim, TlsVersions

INDEX = "tls hosts"  # host → the Ingresses that bring TLS for it; ANY_TLS → all that bring any
ANY_TLS = ""

# As API servers take it (a DNS subdomain, RFC 1123).
_SECRET = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")


def hosts(body: dict[str, Any]) -> set[str]:
    """The hosts that an Ingress object brings TLS for, whether or not it can be served: for the index."""
    spec = Field("", body, "", [])["spec"]
    found: set[str | None] = set()
    for entry in spec["tls"].items():
        listed = [host.read(item) for item in entry["hosts"].items()]
        found.update(listed or [host.read(rule["host"]) for rule in spec["rules"].items()])
    return {name for name in found if name is not None} | ({ANY_TLS} if found else set())


def read(view: View, spec: Field, annotations: dict[str, str], place: Field) -> Iterator[TlsClaim]:
    """What it brings for each host, in the order written; what it cannot bring is told."""
    if not spec["tls"].present:
        return
    versions = _versions(annotations, place)
    namespace = spec.ref.split("/")[1]
    owner = annotation.TLS_CERT_NAMESPACE.of(annotations, place) or namespace
    for entry in spec["tls"].items():
        if not entry.mapping(required=True):
            continue
        secret = _secret(view, entry["secretName"], owner, namespace)
        if secret is None:
            continue
        for name, written in dict(_hosts(view, entry, spec["rules"])).items():
            yield TlsClaim(name, secret, versions, entry["secretName"].path, written)


def _versions(annotations: dict[str, str], place: Field) -> TlsVersions:
    low = annotation.TLS_MINIMUM.of(annotations, place)
    high = annotation.TLS_MAXIMUM.of(annotations, place)
    if low <= high:
        return TlsVersions(low, high)
    name = annotation.TLS_MINIMUM.name
    place[name].tell(
        reasons.INVALID_ANNOTATION, f"{name}: expected at most {annotation.TLS_MAXIMUM.name}, found {low!r}"
    )
    return TlsVersions()


def _secret(view: View, field: Field, owner: str, namespace: str) -> str | None:
    """`namespace/name` of the Secret that an entry names; the default certificate for one that names none."""
    name = field.text() if field.present else ""
    if name is None:
        return None
    if not name:
        if not view.settings.default_certificate:
            field.tell(
                reasons.SECRET_NOT_NAMED,
                f"{field.path} is missing, and there is no default certificate (--default-certificate)",
            )
        return view.settings.default_certificate
    if _SECRET.fullmatch(name) is None:
        field.tell(reasons.INVALID_FIELD, f"{field.path}: expected the name of a Secret, found {name!r}")
        return None
    secret = names.secret(owner, name)
    if not is_granted(view, secret, namespace):
        if not unread.may_be_there(view, unread.DELEGATIONS, owner):
            field.tell(
                reasons.SECRET_NOT_DELEGATED,
                f"Secret {secret} is in another namespace, and no TLSCertificateDelegation there lets"
                f" namespace {namespace} use it",
            )
        return None
    return secret


def _hosts(view: View, entry: Field, rules: Field) -> Iterator[tuple[str, str]]:
    """The hosts of an entry, else those of the rules, each with its place."""
    listed = [(host.read(item), item) for item in entry["hosts"].items()]
    for name, item in listed:
        if name == names.ANY_HOST:
            item.tell(reasons.INVALID_HOST, "host '' is no DNS name, nor a wildcard such as *.example.com")
        elif name is not None:
            yield name, item.path
    if listed:
        return
    for rule in rules.items():
        written = rule["host"].value if isinstance(rule.value, dict) else None
        if not written and (entry["secretName"].present or not view.settings.default_certificate):
            rule.tell(
                reasons.TLS_WITHOUT_HOST,
                f"{rule.path} has no host, so only a default certificate (--default-certificate) could serve"
                " it over HTTPS",
            )
        elif isinstance(written, str) and (name := host.normal(written)) not in {None, names.ANY_HOST}:
            yield str(name), entry.path
