"""The virtual host of a request, in Envoy's order: exact, then the longest wildcard, then `*`.

Source: envoy.config.route.v3.VirtualHost.domains, "Domain search order".
"""

from collections.abc import Iterator, Sequence

from isoline.explain.schema import Decoded

ANY = "*"


def domain_of(host: str, hosts: Sequence[Decoded]) -> tuple[Decoded, str] | None:
    """The virtual host that takes a host without port, and by which of its domains."""
    by_domain = {domain.lower(): (found, domain) for found in hosts for domain in found.get("domains", [])}
    for domain in candidates(host):
        if domain in by_domain:
            return by_domain[domain]
    return by_domain.get(ANY)


def candidates(host: str) -> Iterator[str]:
    """The domains that may take it, but for `*`, the first one first."""
    host = host.lower()
    yield host
    yield from (f"*{host[at:]}" for at in range(1, len(host)))
    yield from (f"{host[:at]}*" for at in range(len(host) - 1, 0, -1))


def resource_names(route_configuration: str, host: str) -> list[str]:
    """The names under which virtual hosts that may take it are published (`<route configuration>/<domain>`):
    of wildcards those of whole labels, which are all that isoline makes.
    """
    host = host.lower()
    labels = host.split(".")
    wildcards = [".".join([ANY, *labels[at:]]) for at in range(1, len(labels))]
    return [f"{route_configuration}/{domain}" for domain in (host, *wildcards, ANY) if domain]
