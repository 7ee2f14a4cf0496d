"""Where Envoys connect: unix sockets, and TCP with mTLS unless it is loopback. All raise StartError."""

import contextlib
import os
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
import structlog

from runtime.link.address import Address
from runtime.owned import owned
from runtime.start_error import StartError

log = structlog.get_logger()

UNIX = "unix:"
# What the folder of --xds-tls holds (isoline certgen).
CERTIFICATE, KEY, CA = "tls.crt", "tls.key", "ca.crt"


@dataclass(frozen=True, slots=True)
class Bind:
    """One address; `path` of a unix socket."""

    text: str
    path: Path | None

    @classmethod
    def parse(cls, text: str, *, tls: bool) -> "Bind":
        """Refuses a TCP address beyond loopback without certificates: TLS private keys travel on it."""
        if text.startswith(UNIX):
            path = Path(text.removeprefix(UNIX))
            if not path.is_absolute():
                raise StartError(f"--xds-listen {text}: expected unix:/PATH or host:port")
            Address.parse(f"ipc://{path}")  # for its length
            return cls(text, path)
        wrong = StartError(f"--xds-listen {text}: expected unix:/PATH or host:port")
        if "://" in text:  # a link's address
            raise wrong
        try:
            address = Address.parse(f"tcp://{text}")
        except StartError:
            raise wrong from None
        if not address.private and not tls:
            raise StartError(
                f"--xds-listen {text} is beyond loopback, and private keys travel on it: give --xds-tls DIR"
                " (isoline certgen makes the files), or use unix:/PATH or a loopback address"
            )
        return cls(text, None)


def credentials(folder: Path) -> grpc.ServerCredentials:
    """Mutual TLS: a client shows a certificate that our CA has signed, or is not spoken to.

    The files are read again at each handshake, so that they may be renewed in place.
    """
    certificates = _Certificates(folder)
    return grpc.dynamic_ssl_server_credentials(
        certificates.read(), certificates.renewed, require_client_authentication=True
    )


class _Certificates:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told = ""

    def read(self) -> grpc.ServerCertificateConfiguration:
        """Raises StartError."""
        read = {}
        for name in (CERTIFICATE, KEY, CA):
            try:
                read[name] = (self._folder / name).read_bytes()
            except OSError as error:
                raise StartError(f"--xds-tls: {self._folder / name}: {error.strerror or error}") from error
        _check(self._folder)
        return grpc.ssl_server_certificate_configuration(
            [(read[KEY], read[CERTIFICATE])], root_certificates=read[CA]
        )

    def renewed(self) -> grpc.ServerCertificateConfiguration | None:
        """Called by threads of gRPC; None keeps what was last good: a file may be half written."""
        try:
            found = self.read()
        except StartError as error:
            if str(error) != self._told:
                log.warning("certificates not renewed", reason=str(error))
            self._told = str(error)
            return None
        self._told = ""
        return found


def _check(folder: Path) -> None:
    """Raises StartError for a file of another kind, of which gRPC would say only that it cannot bind."""
    context, names = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), f"{CERTIFICATE} and {KEY}"
    try:
        context.load_cert_chain(folder / CERTIFICATE, folder / KEY, password=b"")  # else it asks for one
        names = CA
        context.load_verify_locations(folder / CA)
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).replace("_", " ").lower()
        raise StartError(f"--xds-tls: {folder}: {names} cannot be used: {reason}") from error


@contextlib.contextmanager
def bound(
    server: grpc.aio.Server, binds: Sequence[Bind], secured: grpc.ServerCredentials | None
) -> Iterator[None]:
    """Binds every address; the files of unix sockets are ours while this lasts, and readable by us alone."""
    with contextlib.ExitStack() as stack:
        umask = os.umask(0o077)
        try:
            for bind in binds:
                if bind.path is not None:
                    stack.enter_context(owned(bind.path))
                _bind(server, bind, secured)
        finally:
            os.umask(umask)
        yield


def _bind(server: grpc.aio.Server, bind: Bind, secured: grpc.ServerCredentials | None) -> None:
    try:
        if bind.path is not None or secured is None:
            server.add_insecure_port(bind.text)
        else:
            server.add_secure_port(bind.text, secured)
    except RuntimeError as error:
        raise StartError(f"--xds-listen {bind.text}: cannot be bound, is it in use?") from error
