"""421 for a request that came over the wrong connection: its Host is not what the handshake was for.

A filter that asks an expression in Envoy's own language (CEL), as a parsed tree, with nothing in it that a
user wrote; its 403 becomes the 421 that HTTP has for this, after which a client opens another connection.
"""

from envoy_data_plane.envoy.config.accesslog import v3 as accesslog
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.rbac import v3 as rbac
from envoy_data_plane.envoy.extensions.access_loggers.filters.cel import v3 as cel
from envoy_data_plane.envoy.extensions.filters.http.rbac import v3 as http_rbac
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.google.api.expr.v1alpha1 import Constant, Expr, ExprCall, ExprIdent, ExprSelect

from runtime.wire import any_of, unchecked
from translator import names

MISDIRECTED_REQUEST = 421  # RFC 9110, section 15.5.20
BODY = "This connection is for another host.\n"
_POLICY = "host"

_AccessLogFilter = unchecked(accesslog.AccessLogFilter)
_CelExpressionConfig = unchecked(core.CelExpressionConfig)
_Constant = unchecked(Constant)
_Expr = unchecked(Expr)
_ExprCall = unchecked(ExprCall)
_HttpFilter = unchecked(hcm.HttpFilter)
_LocalReplyConfig = unchecked(hcm.LocalReplyConfig)
_Permission = unchecked(rbac.Permission)
_Policy = unchecked(rbac.Policy)
_Principal = unchecked(rbac.Principal)
_ResponseMapper = unchecked(hcm.ResponseMapper)


def filter_(*, default: bool) -> hcm.HttpFilter:
    """The filter of a chain whose hosts have TLS of their own, or of the default certificate's."""
    policy = _Policy(
        permissions=[_Permission(any=True)],
        principals=[_Principal(any=True)],
        condition=_of_another_host() if default else _the_server_name(),
        cel_config=_CelExpressionConfig(enable_string_functions=True),
    )
    # What cannot be evaluated is false. Without a Host that is refused; without a virtual host it is a 404.
    action = rbac.RbacAction.DENY if default else rbac.RbacAction.ALLOW
    rules = unchecked(rbac.Rbac)(action=action, policies={_POLICY: policy})
    config = unchecked(http_rbac.Rbac)(rules=rules)
    return _HttpFilter(name="envoy.filters.http.rbac", typed_config=any_of(config))


def reply() -> hcm.LocalReplyConfig:
    """Turns what this filter answers into 421, and nothing else."""
    ours = unchecked(cel.ExpressionFilter)(
        expression="response.code_details.startsWith('rbac_access_denied')"
    )
    extension = unchecked(accesslog.ExtensionFilter)(
        name="envoy.access_loggers.extension_filters.cel", typed_config=any_of(ours)
    )
    mapper = _ResponseMapper(
        filter=_AccessLogFilter(extension_filter=extension),
        status_code=MISDIRECTED_REQUEST,
        body=unchecked(core.DataSource)(inline_string=BODY),
    )
    return _LocalReplyConfig(mappers=[mapper])


def _the_server_name() -> Expr:
    """`request.host.lowerAscii().split(":")[0] == connection.requested_server_name`: Envoy has the name of
    the handshake in lower case, and a port says nothing about the host.
    """
    host = _call("_[_]", _parts(_lower(_attribute("request", "host")), ":"), _constant(0))
    return _call("_==_", host, _attribute("connection", "requested_server_name"))


def _of_another_host() -> Expr:
    """The virtual host is not `*`, and has as many labels as the Host: a wildcard with fewer is none."""
    virtual_host = _attribute("xds", "virtual_host_name")
    any_host = _constant(names.virtual_host(names.INGRESS_HTTPS, names.ANY_HOST))
    labels = [_call("size", _parts(name, ".")) for name in (_attribute("request", "host"), virtual_host)]
    return _call("_&&_", _call("_!=_", virtual_host, any_host), _call("_==_", *labels))


def _attribute(of: str, name: str) -> Expr:
    operand = _Expr(ident_expr=unchecked(ExprIdent)(name=of))
    return _Expr(select_expr=unchecked(ExprSelect)(operand=operand, field=name))


def _constant(value: str | int) -> Expr:
    constant = _Constant(int64_value=value) if isinstance(value, int) else _Constant(string_value=value)
    return _Expr(const_expr=constant)


def _call(function: str, *args: Expr) -> Expr:
    return _Expr(call_expr=_ExprCall(function=function, args=list(args)))


def _lower(text: Expr) -> Expr:
    return _Expr(call_expr=_ExprCall(target=text, function="lowerAscii"))


def _parts(text: Expr, separator: str) -> Expr:
    return _Expr(call_expr=_ExprCall(target=text, function="split", args=[_constant(separator)]))
