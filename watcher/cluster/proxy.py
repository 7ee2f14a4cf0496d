"""The proxy that the environment names for a server, by the rules of kubectl: HTTPS_PROXY, HTTP_PROXY,
NO_PROXY.
"""

import urllib.request
from urllib.parse import urlsplit

from runtime.loopback import is_loopback


def of_environment(server: str) -> str | None:
    """The URL of the proxy, None for none: never for this machine itself, nor for what NO_PROXY names."""
    try:
        parts = urlsplit(server)
    except ValueError:  # whoever asks it will say so
        return None
    host = parts.hostname or ""
    if is_loopback(host) or urllib.request.proxy_bypass(parts.netloc):
        return None
    return urllib.request.getproxies().get(parts.scheme)
