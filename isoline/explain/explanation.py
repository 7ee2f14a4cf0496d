"""Why a request is answered as it is: listener, filter chain, virtual host, route, cluster, endpoints."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from isoline.explain.request import Request


@dataclass(slots=True)
class Explanation:
    """The way of one request as far as it goes; `None` is a step that was not reached.

    `status` is what Envoy answers by itself; None when it forwards, and when it closes the connection.
    `unreadable` are the files that could not be taken into account, as problems.
    """

    request: Request
    listener: str | None = None
    address: str = ""
    chain: str | None = None
    certificates: tuple[str, ...] = ()
    path: str | None = None
    host: str | None = None
    domain: str = ""
    route: str | None = None
    number: int = 0
    of: int = 0
    object: str | None = None
    file: str | None = None
    line: int | None = None
    cluster: str | None = None
    assignment: str | None = None
    endpoints: tuple[str, ...] = ()
    upstream_path: str | None = None
    forwarded: bool = False
    status: int | None = None
    location: str = ""
    why: str = ""
    doubts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unreadable: tuple[str, ...] = ()

    @property
    def routed(self) -> bool:
        """Whether it comes to a backend, or is sent elsewhere."""
        return self.forwarded or (self.status is not None and 200 <= self.status < 400)

    @property
    def answer(self) -> str:
        """The last line: `forwarded to default/cart/80`, `404: …`."""
        if self.forwarded:
            return f"forwarded to {self.cluster}"
        if self.status is None:
            return f"connection closed: {self.why}"
        where = f" to {self.location}" if self.location else ""
        return f"{self.status}{where}: {self.why}"

    def as_json(self) -> dict[str, Any]:
        """Every step under its name; null where it was not reached."""
        request = self.request
        kind, _, name = (self.object or "").partition("/")
        namespace, _, name = name.partition("/")
        return {
            "request": {"method": request.method, "url": request.url, "sni": request.sni or None},
            "listener": None if self.listener is None else {"name": self.listener, "address": self.address},
            "chain": None if self.chain is None else {"name": self.chain, "secrets": list(self.certificates)},
            "path": self.path,
            "host": None if self.host is None else {"name": self.host, "domain": self.domain},
            "route": None
            if self.route is None
            else {"match": self.route, "number": self.number, "of": self.of},
            "object": None
            if self.object is None
            else {"kind": kind, "namespace": namespace, "name": name, "file": self.file, "line": self.line},
            "cluster": self.cluster,
            "endpoints": list(self.endpoints),
            "upstream_path": self.upstream_path,
            "status": self.status,
            "location": self.location or None,
            "routed": self.routed,
            "answer": self.answer,
            "doubts": self.doubts,
            "problems": self.problems,
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """The steps for people: a name and what it says."""
        if self.listener is not None:
            yield "listener", f"{self.listener} ({self.address})"
        if self.chain is not None and self.request.scheme == "https":
            shown = f", Secret {', '.join(self.certificates)}" if self.certificates else ""
            yield "chain", f"{self.chain} for SNI {self.request.sni or '(none)'}{shown}"
        if self.path is not None and self.path != self.request.path:
            yield "path", f"{self.path} (normalised)"
        if self.host is not None:
            yield (
                "host",
                self.host if self.host.endswith(f"/{self.domain}") else f"{self.host} ({self.domain})",
            )
        if self.route is not None:
            yield "route", f"{self.number} of {self.of}: {self.route}"
        if self.object is not None:
            kind, _, named = self.object.partition("/")
            place = f" ({self.file}:{self.line})" if self.file else ""
            yield "object", f"{kind} {named}{place}"
        if self.cluster is not None:
            yield "cluster", self.cluster
        if self.endpoints:
            more = len(self.endpoints) - SHOWN
            yield "endpoints", ", ".join(self.endpoints[:SHOWN]) + (f" and {more} more" if more > 0 else "")
        if self.upstream_path is not None:
            yield "rewritten", self.upstream_path
        yield "answer", self.answer
        yield from (("problem", problem) for problem in self.problems)
        yield from (("doubt", doubt) for doubt in self.doubts)


SHOWN = 4
