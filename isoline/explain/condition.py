"""A condition of an RBAC policy: a parsed CEL expression over the request and its connection."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from isoline.explain.request import Request
from isoline.explain.schema import Decoded


class UnknownError(Exception):
    """The expression has a part that is not known here."""


class _AbsentError(Exception):
    """An attribute that the request does not have."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a condition may ask about; `virtual_host` is the name of the request's, None when it has none."""

    request: Request
    virtual_host: str | None


def holds(expression: Decoded, asked: Asked) -> bool:
    """Its value; what cannot be evaluated is false. Raises UnknownError."""
    try:
        return bool(_value(expression, asked))
    except (_AbsentError, IndexError, TypeError, AttributeError):
        return False


# Envoy's attributes (docs: intro/arch_overview/advanced/attributes).
ATTRIBUTES: Final[Mapping[str, Callable[[Asked], str | None]]] = {
    "request.host": lambda asked: asked.request.authority,
    "request.path": lambda asked: asked.request.path,
    "request.method": lambda asked: asked.request.method,
    "request.scheme": lambda asked: asked.request.scheme,
    "connection.requested_server_name": lambda asked: asked.request.sni,
    "xds.virtual_host_name": lambda asked: asked.virtual_host,
}
FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "_==_": lambda left, right: left == right,
    "_!=_": lambda left, right: left != right,
    "_&&_": lambda left, right: left and right,
    "_||_": lambda left, right: left or right,
    "!_": lambda value: not value,
    "_[_]": lambda items, at: items[at],
    "size": len,
    "split": lambda text, separator: text.split(separator),
    "lowerAscii": lambda text: text.lower(),
    "startsWith": lambda text, part: text.startswith(part),
    "endsWith": lambda text, part: text.endswith(part),
}


def _value(expression: Decoded, asked: Asked) -> object:
    if "const_expr" in expression:
        return next(iter(expression["const_expr"].values()), None)
    if "call_expr" in expression:
        call = expression["call_expr"]
        operands = [call["target"]] if "target" in call else []
        function = FUNCTIONS.get(call.get("function", ""))
        if function is None:
            raise UnknownError(call.get("function", ""))
        return function(*(_value(each, asked) for each in (*operands, *call.get("args", []))))
    name = _name(expression)
    if name not in ATTRIBUTES:
        raise UnknownError(name)
    value = ATTRIBUTES[name](asked)
    if value is None:
        raise _AbsentError(name)
    return value


def _name(expression: Decoded) -> str:
    """`request.host` of a select of an identifier."""
    if "select_expr" in expression:
        select = expression["select_expr"]
        return f"{_name(select.get('operand', {}))}.{select.get('field', '')}"
    return str(expression.get("ident_expr", {}).get("name", ""))
