"""Which filter chain a handshake gets: a matcher on the server name that it asks for (SNI).

Hosts stand in the listener's matcher and not in the chains, so that chains stay as they are, and so do their
connections, when hosts come and go.
"""

import re
from collections.abc import Mapping

from envoy_data_plane.envoy.extensions.matching.common_inputs.network.v3 import ServerNameInput
from envoy_data_plane.google.protobuf import StringValue
from envoy_data_plane.xds.core import v3 as xds_core
from envoy_data_plane.xds.type.matcher import v3 as xds

from runtime.wire import any_of, encode, field, unchecked

# Field numbers of xds/type/matcher/v3/matcher.proto.
_MATCHER_TREE, _ON_NO_MATCH = 2, 3
_EXACT_MATCH_MAP, _MAP, _KEY, _VALUE = 2, 1, 1, 2

_MatcherTree = unchecked(xds.MatcherMatcherTree)
_OnMatch = unchecked(xds.MatcherOnMatch)
_Matcher = unchecked(xds.Matcher)
_MatcherList = unchecked(xds.MatcherMatcherList)
_FieldMatcher = unchecked(xds.MatcherMatcherListFieldMatcher)
_Predicate = unchecked(xds.MatcherMatcherListPredicate)
_SinglePredicate = unchecked(xds.MatcherMatcherListPredicateSinglePredicate)
_StringMatcher = unchecked(xds.StringMatcher)
_RegexMatcher = unchecked(xds.RegexMatcher)
_GoogleRe2 = unchecked(xds.RegexMatcherGoogleRe2)
_TypedExtensionConfig = unchecked(xds_core.TypedExtensionConfig)
_StringValue = unchecked(StringValue)
_INPUT = _TypedExtensionConfig(name="sni", typed_config=any_of(unchecked(ServerNameInput)()))


def matcher(chains: Mapping[str, str], default: str | None) -> bytes:
    """Host → name of its filter chain, encoded. `default` is the chain for every other handshake; None
    refuses them.

    Exact hosts in one map; what stands in none goes on to the wildcards, one label each, the longest first.
    """
    exact = [(host, chain) for host, chain in chains.items() if not host.startswith("*.")]
    wildcards = [(host, chain) for host, chain in chains.items() if host.startswith("*.")]
    rest = _wildcards(wildcards, default)
    found = b"" if rest is None else field(_ON_NO_MATCH, encode(rest))
    if not exact:
        return found
    # Thousands of hosts share few chains: what is said of a chain is encoded once.
    actions = {chain: field(_VALUE, encode(_to(chain))) for chain in {chain for _, chain in exact}}
    entries = b"".join(field(_MAP, field(_KEY, host.encode()) + actions[chain]) for host, chain in exact)
    tree = encode(_MatcherTree(input=_INPUT)) + field(_EXACT_MATCH_MAP, entries)
    return field(_MATCHER_TREE, tree) + found


def _to(chain: str) -> xds.MatcherOnMatch:
    name = any_of(_StringValue(value=chain))
    return _OnMatch(action=_TypedExtensionConfig(name="chain", typed_config=name))


def _wildcards(hosts: list[tuple[str, str]], default: str | None) -> xds.MatcherOnMatch | None:
    otherwise = None if default is None else _to(default)
    if not hosts:
        return otherwise
    hosts.sort(key=lambda each: (-len(each[0]), each[0]))
    matchers = [
        _FieldMatcher(
            predicate=_Predicate(
                single_predicate=_SinglePredicate(input=_INPUT, value_match=_one_label_before(host[1:]))
            ),
            on_match=_to(chain),
        )
        for host, chain in hosts
    ]
    return _OnMatch(matcher=_Matcher(matcher_list=_MatcherList(matchers=matchers), on_no_match=otherwise))


def _one_label_before(rest: str) -> xds.StringMatcher:
    return _StringMatcher(safe_regex=_RegexMatcher(google_re2=_GoogleRe2(), regex=rf"[^.]+{re.escape(rest)}"))
