"""Which Ingresses are ours."""

from collections.abc import Mapping

# The second, Contour's own, wins where both are there.
ANNOTATIONS = ("kubernetes.io/ingress.class", "projectcontour.io/ingress.class")
OURS = "isoline"


def is_ours(annotations: Mapping[str, str], class_name: str | None) -> bool:
    """An Ingress without any class, or of class `isoline` by either annotation or by
    `spec.ingressClassName`.
    """
    named = [annotations[name] for name in ANNOTATIONS if name in annotations]
    class_ = named[-1] if named else class_name
    return class_ is None or class_ == OURS
