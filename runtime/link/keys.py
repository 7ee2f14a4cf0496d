"""CURVE keys of a link: who we are, and which peers may read from us or be read by us.

A folder holds `<own>.key_secret` and `peers/<name>.key`, in ZeroMQ's certificate format. A peer's public key
is the server's when we connect to it, and an entry of the allow-list of those who may connect to us.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import zmq
import zmq.auth
import zmq.utils.z85

from runtime.start_error import StartError

PEERS = "peers"


@dataclass(frozen=True)
class LinkKeys:
    """The keys of one process; the secret one is never shown."""

    public: bytes
    secret: bytes = field(repr=False)
    peers: dict[str, bytes]
    folder: Path

    @classmethod
    def load(cls, folder: Path, own: str) -> "LinkKeys":
        """Reads the keys. Raises StartError, which names the file."""
        path = folder / f"{own}.key_secret"
        public, secret = _read(path)
        if secret is None:
            raise StartError(f"--link-keys: {path} holds no secret key")
        peers = {key.stem: _read(key)[0] for key in sorted((folder / PEERS).glob("*.key"))}
        if not peers:
            raise StartError(
                f"--link-keys: no peer's public key in {folder / PEERS}, so nobody could connect"
            )
        return cls(public, secret, peers, folder)

    def peer(self, name: str) -> bytes:
        """The public key of the peer that we connect to. Raises StartError when there is none."""
        try:
            return self.peers[name]
        except KeyError:
            path = self.folder / PEERS / f"{name}.key"
            raise StartError(
                f"--link-keys: {path} does not exist: it is the key of the peer to connect to"
            ) from None


def generate(folder: Path, names: Iterable[str]) -> None:
    """Makes a key pair for each name: `folder/<name>/<name>.key_secret`, readable by its owner alone, and
    every other's public key in `folder/<name>/peers/`.
    """
    pairs = {name: zmq.curve_keypair() for name in names}
    for name, (public, secret) in pairs.items():
        peers = folder / name / PEERS
        peers.mkdir(parents=True, exist_ok=True)
        _write(folder / name / f"{name}.key_secret", public, secret)
        for other, (others_public, _) in pairs.items():
            if other != name:
                _write(peers / f"{other}.key", others_public, None)


def _read(path: Path) -> tuple[bytes, bytes | None]:
    try:
        public, secret = zmq.auth.load_certificate(path)
        well_formed = all(len(zmq.utils.z85.decode(key)) == 32 for key in (public, secret or public))
    except OSError as error:
        raise StartError(f"--link-keys: {path}: {error.strerror or 'does not exist'}") from error
    except (ValueError, LookupError, struct.error):  # whatever zmq.auth and Z85 meet in other files
        well_formed = False
    if not well_formed:
        raise StartError(f"--link-keys: {path} is no key in ZeroMQ's certificate format") from None
    return public, secret


def _write(path: Path, public: bytes, secret: bytes | None) -> None:
    text = f'metadata\ncurve\n    public-key = "{public.decode()}"\n'
    if secret is not None:
        text += f'    secret-key = "{secret.decode()}"\n'
    path.unlink(missing_ok=True)
    path.touch(mode=0o600 if secret is not None else 0o644)
    path.write_text(text)
