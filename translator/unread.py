"""What the watcher must not read of a cluster. Nobody knows what of it is missing, so nobody is told so."""

from translator.derive import View

# The kind of the rows that say so, each of one resource; its owner is the operator.
API = "API"
SECRETS = "secrets"
SERVICES = "services"
DELEGATIONS = "tlscertificatedelegations.projectcontour.io"


def may_be_there(view: View, resource: str, namespace: str) -> bool:
    """Whether an object of a namespace that is unknown may exist all the same. `resource` is as RBAC writes
    it.
    """
    body = view.object(f"{API}//{resource}")
    return body is not None and not {"", namespace}.isdisjoint(body["namespaces"])
