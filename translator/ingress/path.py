"""The paths that a rule may name, and what each type of path means."""

from translator import reasons, regex
from translator.field import Field
from translator.model import Match, PathKind

# An ImplementationSpecific path that holds one of these is a regular expression (Contour's rule).
_REGEX = frozenset("^+*[]%")
# What the API refuses in an Exact or Prefix path (k8s.io/kubernetes, validateHTTPIngressPath).
_NEVER_INSIDE = ("//", "/./", "/../", "%2f", "%2F")
_NEVER_LAST = ("/..", "/.")
TYPES = ("Exact", "Prefix", "ImplementationSpecific")


def read(path: Field, type_: Field) -> Match | None:
    """What a path matches; None when it cannot be served, which is told."""
    kind = type_.text(required=True)
    if kind is None or (path.present and path.text() is None):
        return None
    if kind not in TYPES:
        type_.tell(reasons.INVALID_FIELD, f"{type_.path}: expected one of {', '.join(TYPES)}, found {kind!r}")
        return None
    written: str = path.value or ""
    if kind == "ImplementationSpecific":
        return _implementation_specific(path, written)
    if (wrong := _refusal(written)) is not None:
        path.tell(reasons.INVALID_PATH, f"path {written!r} {wrong}")
        return None
    if kind == "Exact":
        return Match(PathKind.EXACT, written)
    return Match(PathKind.PREFIX, written.rstrip("/") or "/")


def _implementation_specific(path: Field, written: str) -> Match | None:
    if not written:
        return Match(PathKind.STRING_PREFIX, "/")
    if not written.startswith("/"):
        path.tell(reasons.INVALID_PATH, f"path {written!r} does not start with /")
        return None
    if not _REGEX.isdisjoint(written):
        if (wrong := regex.refusal(written)) is not None:
            path.tell(reasons.INVALID_REGEX, f"path {written!r} is no regular expression of RE2: {wrong}")
            return None
        return Match(PathKind.REGEX, written)
    if "?" in written or "#" in written:
        path.tell(reasons.INVALID_PATH, f"path {written!r} holds ? or #, which no path does")
        return None
    return Match(PathKind.STRING_PREFIX, written)


def _refusal(written: str) -> str | None:
    if not written.startswith("/"):
        return "does not start with /"
    for part in _NEVER_INSIDE:
        if part in written:
            return f"holds {part}"
    for part in _NEVER_LAST:
        if written.endswith(part):
            return f"ends in {part}"
    if "?" in written or "#" in written:
        return "holds ? or #, which no path does"
    return None
