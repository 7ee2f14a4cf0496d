"""An xDS server as its Envoys see it: a Delta ADS client that asks for resources by name, or for a type.

It acknowledges what it is sent, as an Envoy does. Messages are read field by field: the library's classes
take a second to import.
"""

import os
import queue
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import grpc

from isoline.mistake import Mistake
from runtime.link.address import Address
from runtime.start_error import StartError
from runtime.wire import field, varint
from runtime.wire.reader import fields

METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
_PREFIX = "type.googleapis.com/envoy."
URLS: Final[Mapping[str, str]] = {
    "listeners": f"{_PREFIX}config.listener.v3.Listener",
    "routes": f"{_PREFIX}config.route.v3.RouteConfiguration",
    "hosts": f"{_PREFIX}config.route.v3.VirtualHost",
    "clusters": f"{_PREFIX}config.cluster.v3.Cluster",
    "endpoints": f"{_PREFIX}config.endpoint.v3.ClusterLoadAssignment",
    "secrets": f"{_PREFIX}extensions.transport_sockets.tls.v3.Secret",
}
# Nothing has this name; the answer to it ends a list, whose length nobody tells (xDS protocol: a name that is
# asked for is answered, be it by its absence).
END: Final = "\x00"
WILDCARD: Final = "*"
SECONDS: Final = 5.0
# What virtual hosts come by themselves for (VHDS over the aggregated stream).
VERSION: Final = (1, 40)
FLEET: Final = "isoline"


class Xds:
    """Connects to `unix:/PATH` or `host:port`, with mTLS by the files of a folder. Raises Mistake, and
    StartError when nobody answers within `seconds`.
    """

    def __init__(self, address: str, tls: Path | None = None, *, seconds: float = SECONDS) -> None:
        _check(address)
        self.address = address
        self._seconds = seconds
        options = [("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)]
        if tls is None:
            self._channel = grpc.insecure_channel(address, options=options)
        else:
            self._channel = grpc.secure_channel(address, _credentials(tls), options=options)
        self._secured = tls is not None
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._call: Iterator[bytes] | None = None

    @property
    def carries_secrets(self) -> bool:
        """Whether an xDS server of isoline gives Secrets over such a connection."""
        return self.address.startswith("unix:") or self._secured

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._requests.put(None)
        self._channel.close()

    def get(self, type_: str, names: Sequence[str]) -> Mapping[str, bytes]:
        """The resources of a type that there are, of those names."""
        return self._ask(type_, names, until=frozenset(names))

    def all(self, type_: str) -> Mapping[str, bytes]:
        """Every resource of a type, by name."""
        return self._ask(type_, [WILDCARD, END], until=frozenset((END,)))

    def _ask(self, type_: str, names: Sequence[str], until: frozenset[str]) -> dict[str, bytes]:
        if not names:
            return {}
        self._send(_request(URLS[type_], subscribe=names, node=_NODE if self._call is None else b""))
        if self._call is None:
            stub = self._channel.stream_stream(METHOD)
            self._call = stub(iter(self._requests.get, None), timeout=self._seconds)
        found: dict[str, bytes] = {}
        missing = set(until)
        while missing:
            url, nonce, resources, removed = _response(self._next())
            self._send(_request(url, nonce=nonce))
            if url == URLS[type_]:
                found.update({name: body for name, body in resources.items() if body is not None})
                missing.difference_update(resources, removed)
        return found

    def _send(self, request: bytes) -> None:
        self._requests.put(request)

    def _next(self) -> bytes:
        assert self._call is not None  # noqa: S101 - a request was sent
        try:
            return next(self._call)
        except StopIteration:
            raise StartError(f"{self.address}: the xDS server has ended the stream") from None
        except grpc.RpcError as error:
            raise StartError(f"{self.address}: {self._reason(error)}") from None

    def _reason(self, error: grpc.RpcError) -> str:
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"no answer within {self._seconds:g} s; is an xDS server there, and has it synced?"
        if error.code() is grpc.StatusCode.UNAVAILABLE:
            return "nobody answers; is an xDS server there, and does --xds-tls fit it?"
        return " ".join(str(error.details()).split())


def _check(address: str) -> None:
    wrong = Mistake(f"--xds {address}: expected unix:/PATH or host:port")
    if address.startswith("unix:/"):
        return
    if "://" in address:
        raise wrong
    try:
        Address.parse(f"tcp://{address}")
    except StartError:
        raise wrong from None


def _credentials(folder: Path) -> grpc.ChannelCredentials:
    try:
        ca, key, chain = ((folder / name).read_bytes() for name in ("ca.crt", "tls.key", "tls.crt"))
    except OSError as error:
        raise Mistake(f"--xds-tls {folder}: {error.filename}: {error.strerror}") from None
    return grpc.ssl_channel_credentials(root_certificates=ca, private_key=key, certificate_chain=chain)


def _node() -> bytes:
    """As that of an Envoy that takes virtual hosts one by one; the name says who asks."""
    major, minor = VERSION
    version = field(1, b"\x08" + varint(major) + b"\x10" + varint(minor))
    node = field(1, f"isoline-{os.getpid()}".encode()) + field(2, FLEET.encode())
    return node + field(6, b"envoy") + field(8, version)


_NODE = _node()


def _request(url: str, *, subscribe: Sequence[str] = (), nonce: str = "", node: bytes = b"") -> bytes:
    """A DeltaDiscoveryRequest."""
    parts = [field(1, node)] if node else []
    parts += [field(2, url.encode()), *(field(3, name.encode()) for name in subscribe)]
    return b"".join([*parts, *([field(6, nonce.encode())] if nonce else [])])


def _response(data: bytes) -> tuple[str, str, dict[str, bytes | None], list[str]]:
    """Of a DeltaDiscoveryResponse: type URL, nonce, resources by name (None for one that there isn't), and
    names that are gone.
    """
    texts = {4: "", 5: ""}
    resources: dict[str, bytes | None] = {}
    removed: list[str] = []
    for number, _, value, _ in fields(data):
        if number == 2:
            name, body = _resource(value)
            resources[name] = body
        elif number == 6:
            removed.append(value.decode())
        elif number in texts:
            texts[number] = value.decode()
    return texts[4], texts[5], resources, removed


def _resource(data: bytes) -> tuple[str, bytes | None]:
    name, body = "", None
    for number, _, value, _ in fields(data):
        if number == 3:
            name = value.decode()
        elif number == 2:
            body = next((inner for part, _, inner, _ in fields(value) if part == 2), b"")
    return name, body
