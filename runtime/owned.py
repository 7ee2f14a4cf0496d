"""What is one process's alone: the folder of its sockets, a lock, the path of a socket."""

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from runtime.start_error import StartError


def private_folder(folder: Path, named: str) -> None:
    """Makes the folder, for us alone, or checks that it is. Raises StartError, which calls it `named`."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise StartError(f"{named}: {error.strerror}") from error
    if found.st_uid != os.geteuid():
        raise StartError(f"{named} belongs to another user, and private keys travel over its sockets")
    if (mode := stat.S_IMODE(found.st_mode)) & 0o077:
        raise StartError(
            f"{named} is open to other users (mode {mode:04o}), and private keys travel over its sockets:"
            f" chmod 700 {folder}"
        )


@contextlib.contextmanager
def locked(lock: Path, named: str) -> Iterator[None]:
    """The lock file is ours while this lasts, and then gone; that of a killed process is free.

    Raises StartError when another process has it, with its number and `named` for what it locks.
    """
    with _lock(lock, named) as held:
        with contextlib.suppress(OSError):  # a full disk: whoever wants it too is told without a number
            os.ftruncate(held.fileno(), 0)
            os.write(held.fileno(), f"{os.getpid()}\n".encode())
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _lock(lock: Path, named: str) -> IO[str]:
    while True:
        with contextlib.ExitStack() as stack:
            try:
                held = stack.enter_context(lock.open("a+"))
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                held.seek(0)
                raise StartError(f"{named} is in use by another process ({held.read(20).strip()})") from None
            except OSError as error:
                raise StartError(f"{lock}: {error.strerror}") from error
            # Removed by its last owner between our opening and locking it, it is nobody's.
            if os.fstat(held.fileno()).st_nlink:
                stack.pop_all()
                return held


def remove_socket(path: Path) -> None:
    """Removes the socket that a process has left there. Raises OSError for what is none: it isn't ours."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(errno.EEXIST, "what is there is no socket", str(path))
        path.unlink()
    except FileNotFoundError:
        pass


@contextlib.contextmanager
def owned(path: Path) -> Iterator[None]:
    """The path of a socket is ours while this lasts: a second bind would steal it in silence.

    Raises StartError when another process has it, its folder isn't private, or what is there is no socket.
    """
    private_folder(path.parent, str(path.parent))
    with locked(path.with_name(path.name + ".lock"), str(path)):
        try:
            remove_socket(path)
        except OSError as error:
            raise StartError(f"{path}: {error.strerror}") from error
        try:
            yield
        finally:
            remove_socket(path)
