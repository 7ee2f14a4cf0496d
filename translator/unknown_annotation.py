"""Annotations under our prefixes that nobody reads: each is told, for it may be a misspelled one."""

import difflib
from collections.abc import Mapping

from translator import reasons, service_annotation
from translator.field import Field
from translator.ingress import annotation

# What stands under these on a kind that is ours to read is meant for us, or for Contour.
# `ingress.kubernetes.io/` and `kubernetes.io/` are shared by many controllers, so what is unknown there is
# somebody else's.
PREFIXES = ("projectcontour.io/", "isoline.dev/")
# The API's own bound of an annotation's name (a DNS subdomain, a slash, 63 characters); a longer one is like
# none.
LONGEST = 253 + 1 + 63

# Of one object; the rest is not worth a line each, and looking for what may be meant takes time.
MOST_TOLD = 10

ALL = (*annotation.ALL, *service_annotation.ALL)


def tell(kind: str, annotations: Mapping[str, str], place: Field) -> None:
    """Tells the annotations of an object of that kind that mean nothing there."""
    unknown = sorted(name for name in annotations if name.startswith(PREFIXES) and name not in _names(kind))
    for name in unknown[:MOST_TOLD]:
        place[name].tell(reasons.UNKNOWN_ANNOTATION, f"{name[:LONGEST]} {_hint(kind, name)}")


def _names(kind: str) -> frozenset[str]:
    return _NAMES.get(kind, frozenset())


def _hint(kind: str, name: str) -> str:
    elsewhere = next((each for each in ALL if each.name == name), None)
    if elsewhere is not None:
        return f"means nothing on {kind} objects, only on those of kind {', '.join(elsewhere.kinds)}"
    near = difflib.get_close_matches(name, _names(kind), n=1) if len(name) <= LONGEST else []
    return "is no annotation that isoline reads" + (f"; is {near[0]} meant?" if near else "")


_NAMES = {
    kind: frozenset(each.name for each in ALL if kind in each.kinds)
    for kind in {kind for each in ALL for kind in each.kinds}
}
