"""Which filter chain takes a connection, and what stands in it."""

from isoline.explain import matching
from isoline.explain.matching import Doubt
from isoline.explain.schema import (
    DOWNSTREAM_TLS_CONTEXT,
    HTTP_CONNECTION_MANAGER,
    UNREAD,
    Decoded,
    packed,
)

TLS, CLEAR = "tls", "raw_buffer"


def chosen(listener: Decoded, scheme: str, sni: str, doubt: Doubt) -> Decoded | None:
    """The filter chain of a connection; None when Envoy closes it."""
    chains: list[Decoded] = listener.get("filter_chains", [])
    found: Decoded | None = None
    if "filter_chain_matcher" in listener:
        name = matching.chain_name(listener["filter_chain_matcher"], sni.lower(), doubt)
        found = next((each for each in chains if name and each.get("name") == name), None)
    else:
        transport = TLS if scheme == "https" else CLEAR
        ranked = [
            (_rank(each.get("filter_chain_match", {}), transport, sni.lower(), doubt), each)
            for each in chains
        ]
        best = max((rank for rank, _ in ranked if rank is not None), default=None)
        found = next((each for rank, each in ranked if best is not None and rank == best), None)
    return found if found is not None else listener.get("default_filter_chain")


def _rank(match: Decoded, transport: str, sni: str, doubt: Doubt) -> tuple[int, int] | None:
    """How closely it matches: the server name before the transport protocol; None when it does not."""
    if UNREAD in match:
        doubt(f"FilterChainMatch has field {match[UNREAD][0]}, which is not known here")
    names = match.get("server_names", [])
    closest = 0
    if names:
        closest = max((_closeness(name.lower(), sni) for name in names), default=0)
        if not closest:
            return None
    wanted = match.get("transport_protocol", "")
    if wanted and wanted != transport:
        return None
    return closest, bool(wanted)


def _closeness(name: str, sni: str) -> int:
    if name.startswith("*."):
        return len(name) if sni.endswith(name[1:]) and len(sni) >= len(name) else 0
    return len(name) + 1000 if name == sni else 0


def secrets(chain: Decoded) -> tuple[str, ...] | None:
    """The names of the Secrets that its TLS shows; None when it is in clear."""
    socket = chain.get("transport_socket")
    if socket is None:
        return None
    known = packed({DOWNSTREAM_TLS_CONTEXT.name: DOWNSTREAM_TLS_CONTEXT}, socket.get("typed_config"))
    context = known[1].get("common_tls_context", {}) if known is not None else {}
    return tuple(each.get("name", "") for each in context.get("tls_certificate_sds_secret_configs", []))


def manager(chain: Decoded) -> Decoded | None:
    """Its HTTP connection manager."""
    for each in chain.get("filters", []):
        found = packed({HTTP_CONNECTION_MANAGER.name: HTTP_CONNECTION_MANAGER}, each.get("typed_config"))
        if found is not None and found[0] == HTTP_CONNECTION_MANAGER.name:
            return found[1]
    return None
