"""Whether Envoy's matchers match: texts, headers, paths, and the tree that chooses a filter chain.

What a matcher says that is not known here is told to `doubt`, and counts as if it were not there.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from isoline.explain.request import Request
from isoline.explain.schema import (
    SERVER_NAME_INPUT,
    STRING_VALUE,
    UNREAD,
    Decoded,
    packed,
)

Doubt = Callable[[str], None]
NOTHING = ""


def regex(pattern: str, text: str) -> bool:
    """Whether RE2, which is what Envoy runs, matches the whole text."""
    import re2  # noqa: PLC0415 - only where there is a regular expression

    return re2.fullmatch(pattern, text) is not None


def string(matcher: Decoded, text: str, doubt: Doubt) -> bool:
    """A StringMatcher."""
    _demand_read(matcher, "StringMatcher", doubt)
    if "safe_regex" in matcher:
        return regex(matcher["safe_regex"].get("regex", ""), text)
    fold = str.lower if matcher.get("ignore_case") else str
    found = fold(text)
    if "exact" in matcher:
        return bool(found == fold(str(matcher["exact"])))
    if "prefix" in matcher:
        return found.startswith(fold(str(matcher["prefix"])))
    if "suffix" in matcher:
        return found.endswith(fold(str(matcher["suffix"])))
    return fold(str(matcher.get("contains", ""))) in found


def header(matcher: Decoded, request: Request, doubt: Doubt) -> bool:
    """A HeaderMatcher; a header that is not there matches nothing but a demand that it be absent."""
    _demand_read(matcher, "HeaderMatcher", doubt)
    value = request.header(matcher.get("name", ""))
    invert = bool(matcher.get("invert_match"))
    if "string_match" not in matcher:
        return bool(((value is not None) == matcher.get("present_match", True)) != invert)
    if value is None and not matcher.get("treat_missing_header_as_empty"):
        return False
    matched = string(matcher["string_match"], value or "", doubt)
    return matched != invert


def route(match: Decoded, request: Request, doubt: Doubt) -> bool:
    """A RouteMatch."""
    _demand_read(match, "RouteMatch", doubt)
    path, _, query = request.path.partition("?")
    return (
        _path(match, path)
        and all(header(each, request, doubt) for each in match.get("headers", []))
        and _query(match.get("query_parameters", []), query, doubt)
    )


def _path(match: Decoded, path: str) -> bool:
    if "safe_regex" in match:
        return regex(match["safe_regex"].get("regex", ""), path)
    fold = str if match.get("case_sensitive", {"value": True}).get("value") else str.lower
    path = fold(path)
    if "path" in match:
        return path == fold(match["path"])
    if "path_separated_prefix" in match:
        prefix = fold(match["path_separated_prefix"])
        return path == prefix or path.startswith(f"{prefix}/")
    return path.startswith(fold(match.get("prefix", "")))


def _query(matchers: list[Decoded], query: str, doubt: Doubt) -> bool:
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True) if matchers else ():
        given.setdefault(name, value)
    for matcher in matchers:
        _demand_read(matcher, "QueryParameterMatcher", doubt)
        found = given.get(matcher.get("name", ""))
        if "string_match" in matcher:
            if found is None or not string(matcher["string_match"], found, doubt):
                return False
        elif (found is not None) != matcher.get("present_match", True):
            return False
    return True


def shown(match: Decoded) -> str:
    """A RouteMatch in a few words: `path_separated_prefix /cart, :authority`."""
    kinds = ("path", "path_separated_prefix", "prefix")
    found = next((f"{kind} {match[kind]}" for kind in kinds if kind in match), "")
    if "safe_regex" in match:
        found = f"safe_regex {match['safe_regex'].get('regex', '')}"
    more = [each.get("name", "") for each in (*match.get("headers", []), *match.get("query_parameters", []))]
    return ", ".join([found, *more])


def chain_name(matcher: Decoded, sni: str, doubt: Doubt) -> str:
    """The filter chain that a Matcher chooses for a server name; NOTHING for none."""
    if "matcher_list" in matcher:
        for each in matcher["matcher_list"].get("matchers", []):
            if _predicate(each.get("predicate", {}), sni, doubt):
                return _on_match(each.get("on_match"), sni, doubt)
    elif "matcher_tree" in matcher and _is_known(matcher["matcher_tree"], doubt):
        tree = matcher["matcher_tree"]
        found = _in_tree(tree, sni)
        if found is not None and (name := _on_match(found, sni, doubt)) != NOTHING:
            return name
    return _on_match(matcher.get("on_no_match"), sni, doubt)


def _in_tree(tree: Decoded, sni: str) -> Decoded | None:
    if "exact_match_map" in tree:
        exact: Decoded | None = tree["exact_match_map"].get("map", {}).get(sni)
        return exact
    prefixes = tree.get("prefix_match_map", {}).get("map", {})
    longest = max((each for each in prefixes if sni.startswith(each)), key=len, default=None)
    return None if longest is None else prefixes[longest]


def _on_match(found: Decoded | None, sni: str, doubt: Doubt) -> str:
    if found is None:
        return NOTHING
    if "matcher" in found:
        return chain_name(found["matcher"], sni, doubt)
    action = packed({STRING_VALUE.name: STRING_VALUE}, found.get("action", {}).get("typed_config"))
    if action is None or action[0] != STRING_VALUE.name:
        doubt("the filter_chain_matcher chooses by an action that is not known here")
        return NOTHING
    return str(action[1].get("value", ""))


def _predicate(predicate: Decoded, sni: str, doubt: Doubt) -> bool:
    if "single_predicate" in predicate:
        single = predicate["single_predicate"]
        return _is_known(single, doubt) and string(single.get("value_match", {}), sni, doubt)
    if "or_matcher" in predicate:
        return any(_predicate(each, sni, doubt) for each in predicate["or_matcher"].get("predicate", []))
    if "and_matcher" in predicate:
        return all(_predicate(each, sni, doubt) for each in predicate["and_matcher"].get("predicate", []))
    return "not_matcher" in predicate and not _predicate(predicate["not_matcher"], sni, doubt)


def _is_known(matcher: Decoded, doubt: Doubt) -> bool:
    """Whether it looks at the server name, and in a way that is known here."""
    input_ = packed({}, matcher.get("input", {}).get("typed_config"))
    if UNREAD in matcher or input_ is None or input_[0] != SERVER_NAME_INPUT:
        doubt("the filter_chain_matcher looks at what is not known here")
        return False
    return True


def _demand_read(message: Decoded, name: str, doubt: Doubt) -> None:
    numbers: Any = message.get(UNREAD)
    if numbers:
        doubt(f"{name} has field {', '.join(map(str, numbers))}, which is not known here")
