"""What a YAML scalar means: as kubectl reads it (sigs.k8s.io/yaml, whose goyaml.v2/resolve.go this follows).

That is YAML 1.1 without its base-60 numbers and with timestamps left as the strings they were written as.
"""

import math
import re
from typing import Final

Scalar = str | int | float | bool | None

PREFIX: Final = "tag:yaml.org,2002:"
STR, BOOL, INT, FLOAT, NULL, TIMESTAMP = (
    PREFIX + name for name in ("str", "bool", "int", "float", "null", "timestamp")
)

# resolveMapList of resolve.go.
WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
NUMBER_START: Final = frozenset("+-.0123456789")

# strconv.ParseInt with base 0: decimal, 0x, 0o, 0b, and a leading 0 for octal;
# underscores are taken out before.
_INT = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)")
# yamlStyleFloat of resolve.go.
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
# parseTimestamp of resolve.go: YYYY- and then a date, with or without a time of day.
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:[Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?(?:[Zz]|[-+][0-9]{2}:[0-9]{2})"
    r"| [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?)?"
)
# The largest float has 309 digits; what is longer stays a string.
MAX_DIGITS: Final = 308


def plain(text: str) -> Scalar:
    """The value of a scalar without quotes and without a tag."""
    if text in WORDS:
        return WORDS[text]
    if text[0] in NUMBER_START:
        number = _number(text)
        if number is not None:
            return number
    return text


def tagged(text: str, tag: str) -> Scalar:
    """The value of a scalar with an explicit tag; ValueError when the text is nothing of that type.

    A tag that isn't YAML's own changes nothing: the scalar is a string, as kubectl has it.
    """
    if not tag.startswith(PREFIX) or tag in (STR, TIMESTAMP):
        return text
    if tag == PREFIX + "binary":
        raise ValueError("!!binary is not supported: write the base64 text as a string")
    value = plain(text)
    if tag == FLOAT and type(value) in (int, float):
        return float(value) if value is not None else None
    wanted = {BOOL: bool, INT: int, NULL: type(None)}.get(tag)
    if wanted is None:
        return text
    if type(value) is not wanted:
        raise ValueError(f"the value is no {tag.removeprefix(PREFIX)}")
    return value


def key(value: Scalar) -> str:
    """A map's key as JSON has it: numbers and booleans become strings (sigs.k8s.io/yaml, yaml.go)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return {math.inf: ".inf", -math.inf: "-.inf"}.get(value) or (
            ".nan" if math.isnan(value) else f"{value:g}"
        )
    raise ValueError("null cannot be a key")


def _number(text: str) -> int | float | str | None:
    """None when the text is no number; the text itself when it is a timestamp."""
    if _TIMESTAMP.fullmatch(text):
        return text
    digits = text if text[0] == "." else text.replace("_", "")
    if len(digits) > MAX_DIGITS:
        return None
    if _INT.fullmatch(digits):
        value = _integer(digits)
        # Beyond 64 bits a JSON number is a float to Go.
        return value if -(2**63) <= value < 2**64 else _finite(float(value))
    if _FLOAT.fullmatch(digits):
        number = _finite(float(digits))
        # JSON writes a float without fraction like an integer: 8.0 is 8 to an API server.
        return int(number) if number is not None and number.is_integer() and abs(number) < 2**63 else number
    return None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _integer(digits: str) -> int:
    sign = -1 if digits[0] == "-" else 1
    body = digits.lstrip("+-")
    if len(body) > 1 and body[0] == "0" and body[1].isdigit():
        return sign * int(body, 8)
    return sign * int(body, 0)
