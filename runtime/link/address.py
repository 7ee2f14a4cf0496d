"""The addresses of links: `ipc:///path` inside a pod, `tcp://host:port` between pods."""

import contextlib
import fcntl
import ipaddress
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runtime.workgroup import StartError


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
            return cls(text, path=Path(rest))
        host, _, port = rest.rpartition(":")
        if scheme == "tcp" and host and port.isdigit() and int(port) < 1 << 16:
            return cls(text, host=host.strip("[]"), port=int(port))
        raise StartError(f"{text}: expected ipc:///path or tcp://host:port")

    @property
    def private(self) -> bool:
        """Whether nobody beyond this machine can reach it."""
        if self.path is not None or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def demand_keys(self, *, given: bool) -> None:
        """Raises StartError where TLS private keys would cross a network in clear."""
        if not self.private and not given:
            raise StartError(
                f"{self.text} is beyond loopback, and private keys travel on this link: give --link-keys"
                " (isoline certgen makes them), or use ipc:// or a loopback address"
            )

    def endpoint(self, ip: str) -> str:
        """What ZeroMQ is given, with a resolved address."""
        return f"tcp://[{ip}]:{self.port}" if ":" in ip else f"tcp://{ip}:{self.port}"


def _private_folder(path: Path) -> None:
    """The folder of a socket is ours alone: made so, or checked. Raises StartError."""
    folder = path.parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = stat.S_IMODE(folder.stat().st_mode)
    except OSError as error:
        raise StartError(f"{folder}: {error.strerror}") from error
    if mode & 0o077:
        raise StartError(
            f"{folder} is open to other users (mode {mode:04o}), and private keys travel over its sockets:"
            f" chmod 700 {folder}"
        )


@contextlib.contextmanager
def owned(path: Path) -> Iterator[None]:
    """The socket file of an ipc address is ours while this lasts: a second bind would steal it in silence.

    Raises StartError when another process has it, or its folder isn't private.
    """
    _private_folder(path)
    lock = path.with_name(path.name + ".lock")
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartError(f"ipc://{path} is in use by another process") from None
        path.unlink(missing_ok=True)  # of a process that was killed
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            lock.unlink(missing_ok=True)
