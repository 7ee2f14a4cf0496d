"""What a handshake gets from the HTTPS listener: its matcher, read as Envoy reads it."""

import re
from typing import Any

from envoy.extensions.transport_sockets.tls.v3 import common_pb2, tls_pb2
from google.protobuf.wrappers_pb2 import StringValue

Listener = Any
Chain = Any
Message = Any


def answer(listener: Listener, server_name: str) -> Chain | None:
    """The filter chain for a server name; None where the handshake is refused."""
    chosen = _match(listener.filter_chain_matcher, server_name)
    return next((chain for chain in listener.filter_chains if chain.name == chosen), None)


def secrets(listener: Listener, server_name: str) -> list[str] | None:
    """The Secrets that the handshake is answered with; None where it is refused."""
    chain = answer(listener, server_name)
    if chain is None:
        return None
    return [item.name for item in context(chain).tls_certificate_sds_secret_configs]


def context(chain: Chain) -> Message:
    """The TLS settings of a chain."""
    return tls_pb2.DownstreamTlsContext.FromString(
        chain.transport_socket.typed_config.value
    ).common_tls_context


def versions(listener: Listener, server_name: str) -> tuple[str, str]:
    """The lowest and the highest version of TLS."""
    params = context(answer(listener, server_name)).tls_params
    name = common_pb2.TlsParameters.TlsProtocol.Name
    return name(params.tls_minimum_protocol_version), name(params.tls_maximum_protocol_version)


def _match(matcher: Message, server_name: str) -> str | None:
    exact = matcher.matcher_tree.exact_match_map.map
    if server_name in exact:
        return _outcome(exact[server_name], server_name)
    for item in matcher.matcher_list.matchers:
        if re.fullmatch(item.predicate.single_predicate.value_match.safe_regex.regex, server_name):
            return _outcome(item.on_match, server_name)
    return _outcome(matcher.on_no_match, server_name) if matcher.HasField("on_no_match") else None


def _outcome(found: Message, server_name: str) -> str | None:
    if found.HasField("matcher"):
        return _match(found.matcher, server_name)
    return str(StringValue.FromString(found.action.typed_config.value).value)
