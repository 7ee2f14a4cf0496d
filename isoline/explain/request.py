"""A request as a client sends it, and as Envoy's HTTP connection manager takes it, before any route does.

Source: envoy, source/common/http/conn_manager_utility.cc and path_utility.cc.
"""

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlsplit

from isoline.explain.schema import Decoded
from runtime.ip import is_ip

PORTS = {"http": 80, "https": 443}
HIGHEST_PORT = 65535
# PathWithEscapedSlashesAction of the connection manager, and HeadersWithUnderscoresAction.
REJECT, REDIRECT, FORWARD = 2, 3, 4
UNDERSCORES_REJECT, UNDERSCORES_DROP = 1, 2
# What a path may hold of itself, so that `quote` leaves it as it is.
AS_WRITTEN = "".join(map(chr, range(0x21, 0x7F)))
# Chromium's table for paths: what is unescaped where it is escaped, and escaped where it is not.
UNESCAPED = frozenset(string.ascii_letters + string.digits + "-_~")
ESCAPED = frozenset('"#<>?^`{|}') | frozenset(map(chr, range(0x21))) | {"\x7f"}
HEX = frozenset(string.hexdigits)


@dataclass(frozen=True, slots=True)
class Request:
    """`path` has the query; `headers` are those beside the pseudo-headers, in lower case; `sni` is that of
    the handshake, empty in clear and for an address.
    """

    method: str
    scheme: str
    authority: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    sni: str = ""

    @property
    def url(self) -> str:
        """As it is written."""
        return f"{self.scheme}://{self.authority}{self.path}"

    def header(self, name: str) -> str | None:
        """The value of a header or pseudo-header; None when there is none."""
        match name.lower():
            case ":method":
                return self.method
            case ":path":
                return self.path
            case ":scheme":
                return self.scheme
            case ":authority" | "host":
                return self.authority
            case other:
                return self.headers.get(other)


def parse(url: str, method: str = "GET", headers: Iterable[str] = ()) -> Request:
    """The request that a client sends for a URL. Raises ValueError, which says what is wrong."""
    headers = tuple(headers)
    for name, text in (("", url), ("-X ", method), *(("-H ", line) for line in headers)):
        _demand_text(name, text)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{url}: {error}") from error
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(f"{url}: expected http://HOST/PATH or https://HOST/PATH")
    name = parts.netloc.rpartition("@")[2]
    authority = name if port not in (None, PORTS[parts.scheme]) else name.removesuffix(f":{port}")
    # A query that is empty is none to `urlsplit`, but `?` is sent.
    mark = "?" if parts.query or url.partition("#")[0].endswith("?") else ""
    path = quote(parts.path or "/", AS_WRITTEN) + mark + quote(parts.query, AS_WRITTEN)
    given: dict[str, str] = {}
    for line in headers:
        key, colon, value = line.partition(":")
        if not colon or not key.strip():
            raise ValueError(f"-H {line!r}: expected 'NAME: VALUE'")
        known = key.strip().lower()
        given[known] = f"{given[known]},{value.strip()}" if known in given else value.strip()
    authority = given.pop("host", authority)
    if has_port(authority) and not _is_port(authority.rpartition(":")[2]):
        raise ValueError(f"-H Host: the port is none, expected one up to {HIGHEST_PORT}")
    sni = parts.hostname if parts.scheme == "https" and not is_ip(parts.hostname) else ""
    return Request(method.upper(), parts.scheme, authority, path, given, sni)


def _demand_text(name: str, text: str) -> None:
    """Raises ValueError for what came as bytes that are no UTF-8 (PEP 383)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name}{text!r}: not UTF-8") from None


def _is_port(digits: str) -> bool:
    # Its length first: `int` refuses thousands of digits.
    return len(digits) <= len(str(HIGHEST_PORT)) and int(digits) <= HIGHEST_PORT


@dataclass(frozen=True, slots=True)
class Answer:
    """What the connection manager answers by itself."""

    status: int
    why: str
    location: str = ""


def taken(request: Request, manager: Decoded, port: int) -> Request | Answer:
    """The request after the connection manager, whose listener has that port; or its answer."""
    options = manager.get("common_http_protocol_options", {})
    action = options.get("headers_with_underscores_action", 0)
    headers = dict(request.headers)
    if named := [name for name in headers if "_" in name]:
        if action == UNDERSCORES_REJECT:
            return Answer(400, f"header {named[0]} has an underscore in its name")
        if action == UNDERSCORES_DROP:
            headers = {name: value for name, value in headers.items() if name not in named}
    path = _path(request.path, manager)
    if isinstance(path, Answer):
        return path
    return replace(
        request, authority=_authority(request.authority, manager, port), path=path, headers=headers
    )


def _path(path: str, manager: Decoded) -> str | Answer:
    original = path
    slashes = manager.get("path_with_escaped_slashes_action", 0)
    unescaped = _unescaped_slashes(path)
    redirected = False
    if unescaped != path and slashes in (REJECT, REDIRECT, FORWARD):
        if slashes == REJECT:
            return Answer(400, "the path holds an escaped slash")
        redirected = slashes == REDIRECT
        path = unescaped
    if manager.get("normalize_path", {}).get("value"):
        normal = canonical(path)
        if normal is None:
            return Answer(400, "the path cannot be normalised")
        path = normal
    if manager.get("merge_slashes"):
        path = merged_slashes(path)
    if redirected:
        return Answer(307, f"the path {original} holds an escaped slash", path)
    return path


def _authority(authority: str, manager: Decoded, port: int) -> str:
    if manager.get("strip_trailing_host_dot"):
        name, colon, number = authority.rpartition(":") if has_port(authority) else (authority, "", "")
        authority = name.removesuffix(".") + colon + number
    if has_port(authority):
        name, _, number = authority.rpartition(":")
        if manager.get("strip_any_host_port") or (
            manager.get("strip_matching_host_port") and int(number) == port
        ):
            return name
    return authority


def has_port(authority: str) -> bool:
    """Whether it ends in a port."""
    name, colon, port = authority.rpartition(":")
    return bool(colon) and port.isascii() and port.isdigit() and (":" not in name or name.endswith("]"))


def without_port(authority: str) -> str:
    """The host alone."""
    return authority.rpartition(":")[0] if has_port(authority) else authority


def _unescaped_slashes(path: str) -> str:
    before, mark, query = path.partition("?")
    for escaped, slash in (("%2F", "/"), ("%2f", "/"), ("%5C", "\\"), ("%5c", "\\")):
        before = before.replace(escaped, slash)
    return before + mark + query


def merged_slashes(path: str) -> str:
    """Several slashes in a row as one; the query stays."""
    before, mark, query = path.partition("?")
    if "//" in before:
        inner = "/".join(part for part in before.split("/") if part)
        before = ("/" if before.startswith("/") else "") + inner + ("/" if before.endswith("/") else "")
    return before + mark + query


def canonical(path: str) -> str | None:
    """The path without dot segments, each backslash a slash, and with nothing escaped that need not be.

    None for one that is none: it does not begin with a slash, or holds a NUL.
    """
    before, mark, query = path.partition("?")
    if not before.startswith("/") or "\0" in before or "%00" in before:
        return None
    output: list[str] = []
    at = 0
    while at < len(before):
        dot = _dot(before, at)
        if dot and output[-1:] == ["/"]:
            at += _dot_segment(before, at, dot, output)
        elif dot:
            output.append(".")
            at += dot
        else:
            at += _character(before, at, output)
    return "".join(output) + mark + query


def _dot(path: str, at: int) -> int:
    """How long the dot is that stands there; 0 when none does."""
    if path.startswith(".", at):
        return 1
    return 3 if path[at : at + 3].lower() == "%2e" else 0


def _dot_segment(path: str, at: int, dot: int, output: list[str]) -> int:
    """Takes a dot after a slash; how much was read."""
    after = at + dot
    if after == len(path):
        return dot
    if path[after] in "/\\":
        return dot + 1
    second = _dot(path, after)
    end = after + second
    if second and (end == len(path) or path[end] in "/\\"):
        del output[_previous_slash(output) + 1 :]
        return dot + second + (end < len(path))
    output.append(".")
    return dot


def _previous_slash(output: list[str]) -> int:
    """Where the slash is before the one at the end; the first one when there is none."""
    for at in range(len(output) - 2, -1, -1):
        if output[at] == "/":
            return at
    return 0


def _character(path: str, at: int, output: list[str]) -> int:
    """Takes one character that is no dot, or one escape; how much was read."""
    character = path[at]
    if character == "%" and len(path) >= at + 3 and HEX.issuperset(path[at + 1 : at + 3]):
        meant = chr(int(path[at + 1 : at + 3], 16))
        output.append(meant if meant in UNESCAPED else path[at : at + 3])
        return 3
    if character == "\\":
        output.append("/")
    elif character in ESCAPED:
        output.append(f"%{ord(character):02X}")
    else:
        output.append(character)
    return 1
