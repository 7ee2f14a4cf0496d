"""The certificates, keys and tokens that a kubeconfig holds or names files of.

TLS says "PEM lib" of one that cannot be used; here it is told where that stands, and why.
"""

import binascii
import ssl
import tempfile
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from watcher.cluster.access_error import AccessError

AUTHORITY: Final = "certificate-authority"
CERTIFICATE: Final = "client-certificate"
KEY: Final = "client-key"
TOKEN: Final = "tokenFile"  # noqa: S105 - the name of a field
# OpenSSL's words for a key that is another certificate's.
MISMATCH: Final = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH")
# Else OpenSSL asks the terminal for that of a key.
NO_PASSWORD: Final = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """`content` is what a kubeconfig says of a cluster or a user, `whose` tells of which; paths are
    relative to `base`.
    """

    whose: str
    content: Mapping[str, Any]
    base: Path

    def wrong(self, field: str, why: str) -> AccessError:
        """Where and why; of what stands there a path at most."""
        path = self.content.get(field)
        place = f"{field}-data" if f"{field}-data" in self.content else field
        if place == field and isinstance(path, str):
            place = f"{field} {self.base / path}"
        return AccessError(f"{self.whose}: {place}: {why}")

    def read(self, field: str) -> bytes | None:
        """What it holds, or the file that it names; None for neither. Raises AccessError."""
        data, path = self.content.get(f"{field}-data"), self.content.get(field)
        if f"{field}-data" in self.content:  # which goes before a file
            path = None
        if not data and not path:
            return None
        if not isinstance(data or path, str):
            raise self.wrong(field, "has to be a string")
        try:
            return b64decode(data) if data else (self.base / str(path)).read_bytes()
        except OSError as error:
            raise self.wrong(field, error.strerror or type(error).__name__) from None
        except (binascii.Error, ValueError):
            raise self.wrong(field, "no base64") from None


def demand(cluster: Entry, user: Entry) -> None:
    """Raises AccessError for what is not there, cannot be read, or is of no use."""
    token = user.read(TOKEN)
    if token is not None and not (token.strip().isascii() and token.strip().decode().isprintable()):
        raise user.wrong(TOKEN, "holds no token, which is one line of printable ASCII")
    if token is not None and not token.strip():
        raise user.wrong(TOKEN, "is empty")
    if not str(cluster.content["server"]).lower().startswith("https:"):
        return
    authority, chain, key = cluster.read(AUTHORITY), user.read(CERTIFICATE), user.read(KEY)
    with tempfile.TemporaryDirectory(prefix="isoline-") as folder:  # TLS reads files alone
        if authority is not None:
            _demand_certificates(cluster, AUTHORITY, authority, Path(folder))
        if chain is not None:
            _demand_certificates(user, CERTIFICATE, chain, Path(folder))
            if key is None:
                raise user.wrong(CERTIFICATE, f"there is no {KEY} beside it")
            _demand_pair(user, chain, key, Path(folder))


def _demand_certificates(entry: Entry, field: str, content: bytes, folder: Path) -> None:
    file = folder / "certificates"
    file.write_bytes(content)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except ssl.SSLError:
        raise entry.wrong(field, "holds no certificate in PEM that can be read") from None


def _demand_pair(user: Entry, chain: bytes, key: bytes, folder: Path) -> None:
    """The certificates of `chain` can be read."""
    files = folder / "chain", folder / "key"
    for file, content in zip(files, (chain, key), strict=True):
        file.write_bytes(content)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(*files, password=NO_PASSWORD)
    except ssl.SSLError as error:
        if error.reason in MISMATCH:
            raise user.wrong(KEY, f"is not the key of its {CERTIFICATE}") from None
        raise user.wrong(KEY, "holds no private key in PEM that can be read without a password") from None
