"""Handshakes and requests over HTTPS, as a client makes them who trusts everybody and looks closely."""

import json
import socket
import ssl
from dataclasses import dataclass
from http.client import HTTPResponse

from cryptography import x509
from cryptography.hazmat.primitives import serialization

REFUSED = (ConnectionError, ssl.SSLError)


@dataclass(frozen=True)
class Answer:
    """`said` is the backend that answers, else the status as text; `certificate` the leaf in PEM."""

    said: str
    version: str
    protocol: str
    certificate: bytes


def trusting(
    *, low: str = "1.2", high: str = "1.3", ciphers: str = "", alpn: tuple[str, ...] = ()
) -> ssl.SSLContext:
    """A client's settings, with versions of TLS from `low` to `high`."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion[f"TLSv{low.replace('.', '_')}"]
    context.maximum_version = ssl.TLSVersion[f"TLSv{high.replace('.', '_')}"]
    if ciphers:
        context.set_ciphers(ciphers)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def connected(
    port: int, name: str, context: ssl.SSLContext | None = None, *, address: str = "127.0.0.1"
) -> ssl.SSLSocket:
    """A connection whose handshake names a host, "" for none. Raises one of REFUSED."""
    plain = socket.create_connection((address, port), timeout=10)
    try:
        return (context or trusting()).wrap_socket(plain, server_hostname=name or None)
    except BaseException:
        plain.close()
        raise


def leaf(connection: ssl.SSLSocket) -> bytes:
    """The certificate that the server has shown, in PEM."""
    found = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
    return found.public_bytes(serialization.Encoding.PEM)


def ask(
    port: int, name: str, host: str | None = None, path: str = "/", context: ssl.SSLContext | None = None
) -> Answer:
    """One request over HTTP/1.1, for the server name unless a host is given. Raises one of REFUSED."""
    with connected(port, name, context) as connection:
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {name if host is None else host}",
            "Connection: close",
            "",
            "",
        ]
        connection.sendall("\r\n".join(lines).encode())
        response = HTTPResponse(connection)
        response.begin()
        body = response.read()
        said = str(json.loads(body)["backend"]) if response.status == 200 else str(response.status)
        return Answer(
            said, connection.version() or "", connection.selected_alpn_protocol() or "", leaf(connection)
        )


def answers(port: int, name: str, host: str | None = None, path: str = "/") -> str:
    """Who answers, else the status, else `refused`."""
    try:
        return ask(port, name, host, path).said
    except REFUSED:
        return "refused"
