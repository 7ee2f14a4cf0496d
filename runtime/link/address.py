"""The addresses of links: `ipc:///path` inside a pod, `tcp://host:port` between pods."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runtime.loopback import is_loopback
from runtime.start_error import StartError

# sun_path of unix(7) has 108 bytes, the last one 0.
LONGEST_PATH = 107


@dataclass(frozen=True, slots=True)
class Address:
    """A link's address; `path` of ipc, else `host` and `port`."""

    text: str
    path: Path | None = None
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Raises StartError for what is no address of a link."""
        scheme, _, rest = text.partition("://")
        if scheme == "ipc" and rest.startswith("/"):
            if len(os.fsencode(rest)) > LONGEST_PATH:
                raise StartError(f"{text}: a path of more than {LONGEST_PATH} bytes cannot be a unix socket")
            return cls(text, path=Path(rest))
        host, _, port = rest.rpartition(":")
        if scheme == "tcp" and _is_host(host) and port.isascii() and port.isdigit() and int(port) < 1 << 16:
            return cls(text, host=host.strip("[]"), port=int(port))
        raise StartError(f"{text}: expected ipc:///path or tcp://host:port")

    @property
    def private(self) -> bool:
        """Whether nobody beyond this machine can reach it."""
        return self.path is not None or is_loopback(self.host)

    def demand_keys(self, *, given: bool) -> None:
        """Raises StartError where TLS private keys would cross a network in clear."""
        if not self.private and not given:
            raise StartError(
                f"{self.text} is beyond loopback, and private keys travel on this link: give --link-keys"
                " (isoline certgen makes them), or use ipc:// or a loopback address"
            )

    def endpoint(self, host: str = "") -> str:
        """What ZeroMQ is given: with `host` in place of the name when that is resolved.

        `localhost` is 127.0.0.1 at both ends, for ZeroMQ would bind only the first of its addresses.
        """
        if self.path is not None:
            return self.text
        host = host or ("127.0.0.1" if self.host == "localhost" else self.host)
        return f"tcp://[{host}]:{self.port}" if ":" in host else f"tcp://{host}:{self.port}"


def _is_host(host: str) -> bool:
    """Whether a resolver takes it: no label is empty, or of more than 63 characters."""
    try:
        return bool(host.encode("idna"))
    except UnicodeError:
        return False


def _private_folder(path: Path) -> None:
    """The folder of a socket is ours alone: made so, or checked. Raises StartError."""
    folder = path.parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise StartError(f"{folder}: {error.strerror}") from error
    if found.st_uid != os.geteuid():
        raise StartError(f"{folder} belongs to another user, and private keys travel over its sockets")
    if (mode := stat.S_IMODE(found.st_mode)) & 0o077:
        raise StartError(
            f"{folder} is open to other users (mode {mode:04o}), and private keys travel over its sockets:"
            f" chmod 700 {folder}"
        )


def _locked(address: str, lock: Path) -> IO[str]:
    """The open lock file, ours alone until it is closed; the lock of a killed process is free. Raises
    StartError.
    """
    while True:
        try:
            held = lock.open("w")
        except OSError as error:
            raise StartError(f"{lock}: {error.strerror}") from error
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Removed by its last owner between our opening and locking it, it is nobody's.
            if lock.exists() and os.path.samestat(os.fstat(held.fileno()), lock.stat()):
                return held
        except BlockingIOError:
            held.close()
            raise StartError(f"{address} is in use by another process") from None
        except FileNotFoundError:
            pass
        held.close()


@contextlib.contextmanager
def owned(path: Path) -> Iterator[None]:
    """The socket file of an ipc address is ours while this lasts: a second bind would steal it in silence.

    Raises StartError when another process has it, or its folder isn't private.
    """
    _private_folder(path)
    lock = path.with_name(path.name + ".lock")
    with _locked(f"ipc://{path}", lock):
        path.unlink(missing_ok=True)  # of a process that was killed
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            lock.unlink(missing_ok=True)
