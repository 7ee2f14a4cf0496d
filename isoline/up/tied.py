"""Becomes a program that ends when its parent does: `tied.py PARENT COMMAND…`, run with -I -S.

A program of its own, not a function between fork and exec: that is only safe in a process without threads.
Linux only; elsewhere the program outlives a parent that is killed by SIGKILL.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>; it stays across exec


def main(parent: int, command: list[str]) -> None:
    """Returns only to end: the parent is gone already, or the command cannot be run."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            return
    try:
        os.execv(command[0], command)  # noqa: S606 - there is nothing for a shell to read
    except OSError as error:
        sys.stderr.write(f"isoline: {command[0]}: {error.strerror}\n")
        sys.exit(127)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
