"""The addresses of links: `ipc:///path` inside a pod, `tcp://host:port` between pods."""

import os
from dataclasses import dataclass
from pathlib import Path

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
