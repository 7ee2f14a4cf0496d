"""What a path of an Ingress leads to: a port of a Service, or an answer of Envoy's own."""

from translator import names, reasons, unread
from translator.derive import View
from translator.field import Field
from translator.model import Answer, Backend
from translator.ports import EXTERNAL_NAME, TCP, port_number, service

# What answers for a backend that cannot be reached; a route that is dropped would let a shorter path take
# over.
UNAVAILABLE = Answer(503)


def read(view: View, namespace: str, field: Field, what: str) -> Backend | Answer | None:
    """The backend of `what` (it begins the message); None when the path is to be skipped. Mistakes are
    told.
    """
    if not field.mapping(required=True):
        return UNAVAILABLE
    if field["resource"].present:
        field["resource"].tell(
            reasons.RESOURCE_BACKEND, f"{what} names a resource as its backend; only Services are served"
        )
        return None
    named = field["service"]
    if not named.mapping(required=True):
        return UNAVAILABLE
    name = named["name"].text(required=True)
    port = _port(named["port"])
    if not name or port is None:
        return UNAVAILABLE
    return _resolved(view, f"{namespace}/{name}", named, port, what)


def _port(field: Field) -> Field | None:
    """The member that names the port, by number or by name; exactly one of the two is the API's rule."""
    if not field.mapping(required=True):
        return None
    number, name = field["number"], field["name"]
    if number.present and name.present:
        field.tell(reasons.INVALID_FIELD, f"{field.path}: expected number or name, found both; number counts")
    if number.present:
        return None if port_number(number) is None else number
    return None if not name.text(required=True) else name


def _resolved(view: View, owner: str, named: Field, port: Field, what: str) -> Backend | Answer:
    namespace, _, name = owner.partition("/")
    found = view(service, owner)
    quoted = f'{what} names Service "{name}"'
    if found is None:
        if not unread.may_be_there(view, unread.SERVICES, namespace):
            named["name"].tell(reasons.SERVICE_NOT_FOUND, f"{quoted}, which does not exist")
        return UNAVAILABLE
    if found.type == EXTERNAL_NAME and not view.settings.enable_external_name:
        named["name"].tell(
            reasons.EXTERNAL_NAME_DISABLED,
            f"{quoted} of type ExternalName, which is off (--enable-external-name)",
        )
        return UNAVAILABLE
    written = str(port.value)
    its_port = found.port(written)
    if its_port is None:
        port.tell(reasons.PORT_NOT_FOUND, f"{quoted}, which has no port {written}{found.ports_shown}")
        return UNAVAILABLE
    if its_port.protocol != TCP:
        port.tell(reasons.PORT_NOT_TCP, f"{quoted}, whose port {written} is {its_port.protocol}, not TCP")
        return UNAVAILABLE
    cluster = found.cluster(owner, its_port)
    if cluster is None:
        named["name"].tell(
            reasons.EXTERNAL_NAME_REFUSED, f"{quoted} of type ExternalName, whose name is refused"
        )
        return UNAVAILABLE
    return Backend(
        names.cluster(namespace, name, written),
        cluster.endpoints if isinstance(cluster.endpoints, str) else "",
    )
