"""Problems that may follow from what could not be read alone: nobody knows whether they are any."""

from collections.abc import Iterator

import orjson

from isoline.objects import Objects
from isoline.problem import Told
from translator import reasons
from translator.ingress.annotation import TLS_CERT_NAMESPACE

# What says that there is no such object, and of which kind.
ABSENT = {
    reasons.CLASS_NOT_SERVED.name: "IngressClass",
    reasons.SECRET_NOT_DELEGATED.name: "TLSCertificateDelegation",
    reasons.SECRET_NOT_FOUND.name: "Secret",
    reasons.SERVICE_NOT_FOUND.name: "Service",
}


def is_known(objects: Objects, told: Told) -> bool:
    """Whether a problem is one whatever stands in what could not be read."""
    kind = ABSENT.get(str(told.body.get("reason")))
    return kind is None or not any(
        (kind, place) in objects.unread for place in _places(objects, told.ref, kind)
    )


def _places(objects: Objects, ref: str, kind: str) -> Iterator[str]:
    """The namespaces that the absent object may be in, "" for all; Secrets may be in another than the object
    that names them.
    """
    yield ""
    row = objects.rows.get(ref) if kind in {"Secret", "TLSCertificateDelegation"} else None
    annotations = orjson.loads(row.body)["metadata"].get("annotations") if row is not None else None
    named = annotations.get(TLS_CERT_NAMESPACE.name) if isinstance(annotations, dict) else None
    yield str(named or ref.split("/")[1])
