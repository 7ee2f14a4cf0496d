"""The `isoline up` that runs on this machine, found by the sockets in its run directory."""

import contextlib
import os
import socket
import tempfile
from pathlib import Path

from isoline.mistake import Mistake
from isoline.up.run_dir import ROLES, RunDir

PREFIX = "isoline-"  # of a run directory that was not named
CONNECT_SECONDS = 1.0


def run_dir(named: str | None, otherwise: str) -> RunDir:
    """The one named, else the only one that runs. Raises Mistake, which says what to give instead:
    `otherwise`, in words.
    """
    if named is not None:
        found = RunDir(Path(named).absolute())
        if not _answers(found):
            raise Mistake(f"--run-dir {named}: no isoline up runs there")
        return found
    running = [each for each in _candidates() if _answers(each)]
    if len(running) == 1:
        return running[0]
    if running:
        folders = ", ".join(str(each.path) for each in running)
        raise Mistake(f"several isoline up run here: give --run-dir, one of {folders}")
    raise Mistake(f"no isoline up was found in {tempfile.gettempdir()}: give {otherwise}")


def _candidates() -> list[RunDir]:
    """Temporary run directories of ours; whose owner is another might answer what it likes."""
    found = []
    for path in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")):
        with contextlib.suppress(OSError):  # a run that ends meanwhile
            if path.stat().st_uid == os.geteuid():
                found.append(RunDir(path))
    return found


def _answers(candidate: RunDir) -> bool:
    """Whether any of its processes does: `status` is asked when one of them is down, too."""
    return any(map(_listens, (candidate.xds, *map(candidate.debug, ROLES))))


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(CONNECT_SECONDS)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
