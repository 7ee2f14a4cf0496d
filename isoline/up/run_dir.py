"""The private folder of sockets that the processes of one `isoline up` meet in."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runtime.owned import locked, private_folder, remove_socket
from runtime.start_error import StartError

ROLES = ("watcher", "translator", "xds-server")
# sun_path of unix(7) holds 107 characters and a zero; the longest of our names, with some room for more.
MAX_PATH = 107 - len("/translator.probe")


@dataclass(frozen=True, slots=True)
class RunDir:
    """Where each socket and file is."""

    path: Path

    @property
    def objects(self) -> str:
        """The watcher's link."""
        return f"ipc://{self.path}/objects"

    @property
    def resources(self) -> str:
        """The translator's link."""
        return f"ipc://{self.path}/resources"

    @property
    def rejections(self) -> str:
        """The xDS server's link."""
        return f"ipc://{self.path}/rejections"

    @property
    def xds(self) -> Path:
        """Where Envoy finds the xDS server."""
        return self.path / "xds"

    @property
    def admin(self) -> Path:
        """Envoy's admin socket."""
        return self.path / "admin"

    @property
    def start_file(self) -> Path:
        """Envoy's."""
        return self.path / "envoy.json"

    @property
    def access_log(self) -> Path:
        """What Envoy writes to its stdout: a line of JSON for each request."""
        return self.path / "access.log"

    def probe(self, role: str) -> Path:
        """A process's probe."""
        return self.path / f"{role}.probe"

    def debug(self, role: str) -> Path:
        """A process's debug pages."""
        return self.path / f"{role}.debug"


@contextlib.contextmanager
def opened(named: Path | None) -> Iterator[RunDir]:
    """A run directory that is ours while this lasts: a temporary one, or `named`.

    What a killed run has left in it is cleared away; at the end all that was put there is, but for the access
    log in a named one. Raises StartError when another run has it, or it cannot be used.
    """
    if named is None:
        path = Path(tempfile.mkdtemp(prefix="isoline-"))
        try:
            _demand_short(path)
            yield RunDir(path)
        finally:
            shutil.rmtree(path, ignore_errors=True)
        return
    path = named.absolute()
    _demand_short(path)
    flag = f"--run-dir {path}"
    private_folder(path, flag)
    with locked(path / "lock", flag):
        try:
            _clear(path)
        except OSError as error:
            raise StartError(f"--run-dir {error.filename}: {error.strerror}") from error
        try:
            yield RunDir(path)
        finally:
            with contextlib.suppress(OSError):  # what the end of a run leaves, the next one clears
                _clear(path)


def _clear(path: Path) -> None:
    """Removes sockets, their locks, and the start file; nothing that is not ours."""
    sockets = ["objects", "resources", "rejections", "xds", "admin"]
    sockets += [f"{role}.{kind}" for role in ROLES for kind in ("probe", "debug")]
    for name in sockets:
        remove_socket(path / name)
    for name in (*(f"{name}.lock" for name in sockets), "envoy.json"):
        (path / name).unlink(missing_ok=True)


def _demand_short(path: Path) -> None:
    if len(os.fsencode(path)) > MAX_PATH:
        raise StartError(
            f"run directory {path}: too long a path for unix sockets; name one of at most {MAX_PATH}"
            " characters with --run-dir"
        )
