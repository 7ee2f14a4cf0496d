"""Problems that may follow from what could not be read alone: nobody knows whether they are any."""

from isoline.objects import Objects
from isoline.problem import Told
from isoline.written import written
from translator import reasons

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
    return (kind, "") not in objects.unread and (kind, _namespace(objects, told)) not in objects.unread


def _namespace(objects: Objects, told: Told) -> str:
    """Where the absent object would be: `tls` may name a Secret of another namespace."""
    named, slash, _ = (written(objects.rows, told) or "").partition("/")
    return named if slash else told.ref.split("/")[1]
