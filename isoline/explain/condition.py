"""A condition of an RBAC policy: a parsed CEL expression over the request and its connection."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from isoline.explain.request import Request
from isoline.explain.schema import Decoded


class UnknownError(Exception):
    """The expression has a part that is not known here."""


def holds(expression: Decoded, request: Request) -> bool:
    """Its value for a request. Raises UnknownError."""
    return bool(_value(expression, request))


# Envoy's attributes (docs: intro/arch_overview/advanced/attributes).
ATTRIBUTES: Final[Mapping[str, Callable[[Request], str]]] = {
    "request.host": lambda request: request.authority,
    "request.path": lambda request: request.path,
    "request.method": lambda request: request.method,
    "request.scheme": lambda request: request.scheme,
    "connection.requested_server_name": lambda request: request.sni,
}
FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "_==_": lambda left, right: left == right,
    "_!=_": lambda left, right: left != right,
    "_&&_": lambda left, right: left and right,
    "_||_": lambda left, right: left or right,
    "!_": lambda value: not value,
    "lowerAscii": lambda text: text.lower(),
    "startsWith": lambda text, part: text.startswith(part),
    "endsWith": lambda text, part: text.endswith(part),
}


def _value(expression: Decoded, request: Request) -> object:
    if "const_expr" in expression:
        constant = expression["const_expr"]
        return constant.get("string_value", constant.get("bool_value"))
    if "call_expr" in expression:
        call = expression["call_expr"]
        operands = [call["target"]] if "target" in call else []
        function = FUNCTIONS.get(call.get("function", ""))
        if function is None:
            raise UnknownError(call.get("function", ""))
        return function(*(_value(each, request) for each in (*operands, *call.get("args", []))))
    name = _name(expression)
    if name not in ATTRIBUTES:
        raise UnknownError(name)
    return ATTRIBUTES[name](request)


def _name(expression: Decoded) -> str:
    """`request.host` of a select of an identifier."""
    if "select_expr" in expression:
        select = expression["select_expr"]
        return f"{_name(select.get('operand', {}))}.{select.get('field', '')}"
    return str(expression.get("ident_expr", {}).get("name", ""))
