"""The annotations of an Ingress: each is declared once, with its name, its default and what reads it.

Those of a Service are in `translator.service_annotation`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from translator import reasons
from translator.field import Field

T = TypeVar("T")


class UnusableError(ValueError):
    """A value that an annotation cannot have; its text says what was expected."""


@dataclass(frozen=True, slots=True)
class Annotation(Generic[T]):
    """One annotation: `read` turns its value into a T or raises UnusableError; `help` is one line for
    users, `example` a value.
    """

    name: str
    kinds: tuple[str, ...]
    type: str
    default: T
    read: Callable[[str], T]
    help: str
    example: str

    def of(self, annotations: Mapping[str, str], place: Field) -> T:
        """Its value in an object's annotations; the default where it is absent or (told) unusable."""
        written = annotations.get(self.name)
        if written is None:
            return self.default
        try:
            return self.read(written.strip())
        except UnusableError as error:
            member = place[self.name]
            member.tell(reasons.INVALID_ANNOTATION, f"{self.name}: {error}, found {written!r}")
            return self.default


# Go's time.ParseDuration, positive.
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_DURATION = re.compile(rf"\+?(?:{_PART.pattern})+")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
# Envoy holds a duration as 64 bits of nanoseconds, as Go does (envoy/source/common/protobuf/utility.cc), and
# counts a route's timeout in milliseconds.
_LONGEST = (2**63 - 1) // 10**9 - 1
_SHORTEST = 0.001

RETRY_ON = frozenset(
    # Envoy's router filter, x-envoy-retry-on and x-envoy-retry-grpc-on.
    (
        "5xx",
        "gateway-error",
        "reset",
        "reset-before-request",
        "connect-failure",
        "envoy-ratelimited",
        "retriable-4xx",
        "refused-stream",
        "retriable-status-codes",
        "retriable-headers",
        "http3-post-connect-failure",
        "cancelled",
        "deadline-exceeded",
        "internal",
        "resource-exhausted",
        "unavailable",
    )
)


def duration(written: str) -> float:
    """Seconds of a Go duration such as `1m30s`."""
    if written in {"0", "+0"}:
        return 0.0
    if _DURATION.fullmatch(written) is None:
        raise UnusableError("expected a duration such as 1m30s")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(written))
    if seconds and not _SHORTEST <= seconds <= _LONGEST:
        raise UnusableError("expected a duration from 1ms to 292 years")
    return seconds


def _timeout(written: str) -> float | None:
    """Seconds; 0 = none (Envoy's way), None = Envoy's default."""
    return 0.0 if written == "infinity" else duration(written) or None


def _retry_on(written: str) -> str:
    conditions = [condition.strip() for condition in written.split(",") if condition.strip()]
    if not conditions:
        raise UnusableError("expected a list of Envoy's retry conditions")
    for condition in conditions:
        if condition not in RETRY_ON:
            raise UnusableError(f"{condition!r} is none of Envoy's retry conditions")
    return ",".join(dict.fromkeys(conditions))  # each once: every route of the Ingress carries them


def _count(written: str) -> int:
    """How often; 0 and 1 are 1, -1 is none at all (Contour's reading)."""
    if re.fullmatch(r"\+?[0-9]{1,9}", written):
        return max(int(written), 1)
    if written == "-1":
        return 0
    raise UnusableError("expected a number of tries, or -1 for none")


def _paths(written: str) -> frozenset[str]:
    return frozenset(path.strip() for path in written.split(",") if path.strip())


# A path of RFC 3986: segments of pchar.
_PATH = re.compile(r"(?:/(?:[-A-Za-z0-9._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*)+")
_DOTS_OR_SLASH = re.compile(r"//|/\.{1,2}(?:/|$)|%2f|%5c|%00", re.IGNORECASE)


# What Envoy takes of a whole request's headers is 60 KiB; every route of the Ingress carries it.
_LONGEST_PATH = 4096


def _path(written: str) -> str:
    if len(written) > _LONGEST_PATH:
        raise UnusableError(f"expected a path of at most {_LONGEST_PATH} characters")
    if _PATH.fullmatch(written) is None or _DOTS_OR_SLASH.search(written):
        raise UnusableError("expected a path such as /app, without query")
    return written


def _flag(written: str) -> bool:
    if written not in {"true", "false"}:
        raise UnusableError("expected true or false")
    return written == "true"


def _tls_version(written: str) -> str:
    if written not in {"1.2", "1.3"}:
        raise UnusableError("expected 1.2 or 1.3")
    return written


def _namespace(written: str) -> str:
    if re.fullmatch(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", written) is None:
        raise UnusableError("expected a namespace")
    return written


INGRESS = ("Ingress",)
ALLOW_HTTP: Annotation[bool] = Annotation(
    "kubernetes.io/ingress.allow-http",
    INGRESS,
    "true or false",
    True,  # noqa: FBT003 - its default
    _flag,
    "false: no routes over HTTP without TLS.",
    "false",
)
FORCE_SSL_REDIRECT: Annotation[bool] = Annotation(
    "ingress.kubernetes.io/force-ssl-redirect",
    INGRESS,
    "true or false",
    False,  # noqa: FBT003 - its default
    _flag,
    "true: over HTTP without TLS, 301 to the same over HTTPS; wins over allow-http.",
    "true",
)
TLS_MINIMUM: Annotation[str] = Annotation(
    "projectcontour.io/tls-minimum-protocol-version",
    INGRESS,
    "1.2 or 1.3",
    "1.2",
    _tls_version,
    "The lowest version of TLS for the hosts of its tls.",
    "1.3",
)
TLS_MAXIMUM: Annotation[str] = Annotation(
    "projectcontour.io/tls-maximum-protocol-version",
    INGRESS,
    "1.2 or 1.3",
    "1.3",
    _tls_version,
    "The highest version of TLS for the hosts of its tls.",
    "1.2",
)
TLS_CERT_NAMESPACE: Annotation[str | None] = Annotation(
    "projectcontour.io/tls-cert-namespace",
    INGRESS,
    "namespace",
    None,
    _namespace,
    "Where the Secrets of its tls are; a TLSCertificateDelegation there must allow it.",
    "certificates",
)
RESPONSE_TIMEOUT: Annotation[float | None] = Annotation(
    "projectcontour.io/response-timeout",
    INGRESS,
    "duration or infinity",
    None,
    _timeout,
    "How long the backend has for its whole answer; absent or 0s: Envoy's 15s.",
    "1m30s",
)
REQUEST_TIMEOUT: Annotation[float | None] = Annotation(
    "projectcontour.io/request-timeout",
    INGRESS,
    "duration or infinity",
    None,
    _timeout,
    "The older name of response-timeout.",
    "30s",
)
RETRY_CONDITIONS: Annotation[str | None] = Annotation(
    "projectcontour.io/retry-on",
    INGRESS,
    "list of Envoy's retry conditions",
    None,
    _retry_on,
    "When a request is sent again; absent: never.",
    "gateway-error,reset",
)
NUM_RETRIES: Annotation[int] = Annotation(
    "projectcontour.io/num-retries",
    INGRESS,
    "number",
    1,
    _count,
    "How often a request is sent again, with retry-on; -1: never.",
    "3",
)
PER_TRY_TIMEOUT: Annotation[float | None] = Annotation(
    "projectcontour.io/per-try-timeout",
    INGRESS,
    "duration or infinity",
    None,
    _timeout,
    "How long one try may take, with retry-on; absent: as long as the whole request.",
    "2s",
)
WEBSOCKET_ROUTES: Annotation[frozenset[str]] = Annotation(
    "projectcontour.io/websocket-routes",
    INGRESS,
    "comma list of paths",
    frozenset(),
    _paths,
    "The paths that may become WebSockets, written as the rules have them.",
    "/chat,/events",
)

REWRITE_PATH: Annotation[str | None] = Annotation(
    "projectcontour.io/rewrite-path",
    INGRESS,
    "path",
    None,
    _path,
    "The backend sees this instead of the path that the rule names; what follows it, and the query, stay.",
    "/",
)
KUBERNETES_CLASS: Annotation[str | None] = Annotation(
    "kubernetes.io/ingress.class",
    INGRESS,
    "name of a class",
    None,
    str,
    "The class of the Ingress, before spec.ingressClassName.",
    "isoline",
)
CONTOUR_CLASS: Annotation[str | None] = Annotation(
    "projectcontour.io/ingress.class",
    INGRESS,
    "name of a class",
    None,
    str,
    "The class of the Ingress, before kubernetes.io/ingress.class.",
    "isoline",
)
# The last one that an Ingress has counts.
CLASSES = (KUBERNETES_CLASS, CONTOUR_CLASS)
IS_DEFAULT_CLASS: Annotation[bool] = Annotation(
    "ingressclass.kubernetes.io/is-default-class",
    ("IngressClass",),
    "true or false",
    False,  # noqa: FBT003 - the default of this type
    _flag,
    "Whether Ingresses without class belong to this class; if its controller is another's, they are not "
    "ours.",
    "true",
)

ALL: tuple[Annotation[Any], ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Annotation)
)
