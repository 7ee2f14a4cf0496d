"""What is known of a Secret: its certificate is read once, when it comes.

A Secret that turns bad keeps its last good version. That is the one thing in the translator that rests on
what was before, and not on what is now alone.
"""

from collections.abc import Mapping
from typing import Any

from translator import certificate
from translator.certificate import Certificate, FlawError
from translator.derive import View

# Apart, since a renewal changes none but the first two, and nothing that reads the others is looked at.
CERTIFICATE = "certificate"  # the last good one
VALIDITY = "validity"  # (begins, ends) of it
KEY_TYPE = "key type"  # RSA or ECDSA; UNKNOWN while there has been no good version
NAMES = "names"
FLAW = "flaw"  # why the newest version is not served

UNKNOWN = ""


def facts(body: dict[str, Any], before: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a Secret says, and what its last good version said where this one is bad."""
    try:
        found: Certificate | None = certificate.read(body)
        flaw = None
    except FlawError as error:
        found = before.get(CERTIFICATE)
        flaw = str(error)
    if found is None:
        return {KEY_TYPE: UNKNOWN, FLAW: flaw}
    return {
        CERTIFICATE: found,
        VALIDITY: (found.begins, found.ends),
        KEY_TYPE: found.key_type,
        NAMES: found.names,
        FLAW: flaw,
    }


def reference(name: str) -> str:
    """Of the Secret `namespace/name`."""
    return f"Secret/{name}"


def key_type(view: View, name: str) -> str | None:
    """RSA or ECDSA; UNKNOWN for a Secret that has had no good version since this process began, None where
    there is no Secret.
    """
    found: str | None = view.fact(KEY_TYPE, reference(name))
    return found
