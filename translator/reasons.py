"""Every reason that a problem of the translator may have; `docs/reasons.md` lists them with the watcher's."""

from runtime.reason import Reason

INVALID_FIELD = Reason(
    "InvalidField",
    "A field has a type or a value that the Kubernetes API refuses, or a required field is missing.",
    "Write the field as the API documents it; the message says what was expected. "
    "The rest of the rule or object is served.",
)
INVALID_HOST = Reason(
    "InvalidHost",
    "A host is no DNS name: an IP address, a wildcard that is not the whole first label, a port, a bad "
    "label.",
    "Write a host such as `shop.example.com` or `*.example.com`. The rule is not served.",
)
HOST_NOT_LOWERCASE = Reason(
    "HostNotLowercase",
    "A host has capital letters. It is served, for hosts have no case; an API server would refuse it.",
    "Write the host in lower case.",
    "warning",
)
INVALID_PATH = Reason(
    "InvalidPath",
    "A path cannot match any request: it does not start with `/`, or holds `?`, `#`, `//`, `/./`, `/../` "
    "or `%2f`.",
    "Write an absolute path without query. This path is not served.",
)
INVALID_REGEX = Reason(
    "InvalidRegex",
    "A path of type ImplementationSpecific that holds one of `^ + * [ ] %` is a regular expression (RE2),"
    " and this "
    "one is not valid, or too large.",
    "Write it in RE2's syntax (no look-around, no back-references). This path is not served.",
)
SERVICE_NOT_FOUND = Reason(
    "ServiceNotFound",
    "A backend names a Service that does not exist in the Ingress's namespace.",
    "Create the Service or correct the name. Until then the route answers 503.",
)
PORT_NOT_FOUND = Reason(
    "PortNotFound",
    "A backend names a port that its Service does not have; the Service's `port` or its name counts, never "
    "`targetPort`.",
    "Correct the port. Until then the route answers 503.",
)
PORT_NOT_TCP = Reason(
    "PortNotTCP",
    "A backend names a port of the Service that is not TCP.",
    "Name a TCP port. Until then the route answers 503.",
)
EXTERNAL_NAME_DISABLED = Reason(
    "ExternalNameDisabled",
    "A backend names a Service of type ExternalName, which is off by default: it lets an Ingress reach "
    "any host that "
    "Envoy can reach.",
    "Use a Service with endpoints. Until then the route answers 503.",
)
EXTERNAL_NAME_REFUSED = Reason(
    "ExternalNameRefused",
    "A Service of type ExternalName leads to Envoy's own machine, to a metadata service, or to nothing: "
    "its name is "
    "missing, is no DNS name, or is an address or a name of a loopback, link-local, multicast, "
    "unspecified or metadata "
    "range. `isoline check` also tells names that resolve to one.",
    "Write the name of a host outside. Until then the routes to this Service answer 503.",
)
RESOURCE_BACKEND = Reason(
    "ResourceBackendUnsupported",
    "A backend names a resource instead of a Service.",
    "Name a Service. This path is not served.",
)
DUPLICATE_PATH = Reason(
    "DuplicatePath",
    "Another Ingress, or an earlier path of this one, has the same host and path. The oldest "
    "creationTimestamp wins, "
    "then namespace and name.",
    "Remove one of the two. The message names the one that is served.",
)
DEFAULT_BACKEND_UNUSED = Reason(
    "DefaultBackendUnused",
    "A default backend gets no request, since a rule without host already takes every path.",
    "Remove the default backend, or that rule.",
    "warning",
)
CLASS_NOT_SERVED = Reason(
    "ClassNotServed",
    "An Ingress has a class that is not isoline's, and no IngressClass object has that name; or it has none, "
    "and another controller's IngressClass is the default. "
    "It is not served; only `isoline check` says so.",
    "Correct the class, add its IngressClass, or run with `--ingress-class`.",
    "warning",
)
INVALID_ANNOTATION = Reason(
    "InvalidAnnotation",
    "An annotation's value cannot be used; its default is used instead.",
    "Write the value as docs/annotations.md says.",
)
UNKNOWN_ANNOTATION = Reason(
    "UnknownAnnotation",
    "An annotation under `projectcontour.io/` or `isoline.dev/` that isoline does not read on this kind "
    "of object.",
    "Correct its name, or remove it; docs/annotations.md lists those that there are.",
)
REWRITE_NOT_APPLIED = Reason(
    "RewriteNotApplied",
    "`projectcontour.io/rewrite-path` stands on an Ingress of which a path is a regular expression, which "
    "matches no "
    "prefix that could be replaced. That path is served, and not rewritten.",
    "Write the path as a Prefix, or move it to an Ingress of its own.",
    "warning",
)
WEBSOCKET_PATH_NOT_FOUND = Reason(
    "WebSocketPathNotFound",
    "`projectcontour.io/websocket-routes` names a path that no rule of this Ingress has.",
    "Write the path exactly as the rule has it.",
)
SECRET_NOT_FOUND = Reason(
    "SecretNotFound",
    "`tls` names a Secret that does not exist, or is of another type than `kubernetes.io/tls` and lacks one "
    "of the keys `tls.crt` and `tls.key`.",
    "Create the Secret or correct the name. Until then its hosts have no HTTPS.",
)
SECRET_NOT_NAMED = Reason(
    "SecretNotNamed",
    "`tls` names no Secret, and there is no default certificate.",
    "Name a Secret, or run with `--default-certificate`. Until then its hosts have no HTTPS.",
)
SECRET_NOT_DELEGATED = Reason(
    "SecretNotDelegated",
    "An Ingress names a Secret of another namespace, which has not allowed that.",
    "Create a TLSCertificateDelegation in the Secret's namespace. Until then the hosts have no HTTPS.",
)
INVALID_SECRET = Reason(
    "InvalidSecret",
    "A Secret that `tls` names cannot be served: its certificates or its key cannot be read, do not belong "
    "together, or are of a kind that Envoy does not take.",
    "Correct the Secret. Until then its last good version is served; without one, its hosts have no HTTPS.",
)
CERTIFICATE_EXPIRED = Reason(
    "CertificateExpired",
    "A certificate is no longer valid. It is served all the same; clients refuse it.",
    "Renew the certificate.",
    "warning",
)
CERTIFICATE_NOT_YET_VALID = Reason(
    "CertificateNotYetValid",
    "A certificate is not valid yet. It is served all the same; clients refuse it.",
    "Wait, or issue the certificate anew; look at the clocks.",
    "warning",
)
HOST_NOT_COVERED = Reason(
    "HostNotCovered",
    "A certificate is not for the host that it is to serve: no DNS name among its alternative names (SAN) "
    "matches. It is served all the same; clients refuse it.",
    "Issue the certificate for this host too.",
    "warning",
)
DUPLICATE_TLS = Reason(
    "DuplicateTLS",
    "Another Ingress, or an earlier entry of this one, brings a Secret or TLS versions for the same host. "
    "The oldest creationTimestamp wins, then namespace and name.",
    "Name one Secret for a host; one with an RSA key and one with an ECDSA key may stand together in one "
    "Ingress.",
)
TLS_WITHOUT_RULE = Reason(
    "TLSWithoutRule",
    "`tls` lists a host that no rule has. Handshakes for it are refused.",
    "Write the host exactly as the rule has it, or remove it.",
    "warning",
)
TLS_WITHOUT_HOST = Reason(
    "TLSWithoutHost",
    "`tls` without hosts takes those of the rules, but this rule has none. It has no HTTPS.",
    "Name the hosts, or run with `--default-certificate`.",
    "warning",
)
ENDPOINT_REFUSED = Reason(
    "EndpointRefused",
    "An EndpointSlice holds an address in a loopback, link-local, multicast or unspecified range, where "
    "Envoy itself "
    "answers, or one of a cloud's metadata service.",
    "Remove the address, or run with `--loopback-endpoints allow` where the owner of the slices is the "
    "operator.",
)
REJECTED_BY_ENVOY = Reason(
    "RejectedByEnvoy",
    "An Envoy refused a resource that was made from this object, and keeps what it had before.",
    "The message is Envoy's own. Please report it: isoline should have found the mistake first.",
)

ALL: tuple[Reason, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Reason))
