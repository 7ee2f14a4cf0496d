"""A process that finds a folder at a path of its own, where nobody else sees it."""

import functools
import subprocess
from collections.abc import Sequence
from pathlib import Path

# As root, and as anybody whom the kernel lets make a user namespace.
WAYS = (("unshare", "--mount"), ("unshare", "--mount", "--map-root-user"))
# The target may not be there, and making it would leave a trace: so an empty /var/run comes first.
SCRIPT = 'mount -t tmpfs tmpfs /var/run && mkdir -p "$1" && mount --bind "$2" "$1" && shift 2 && exec "$@"'


@functools.cache
def way() -> tuple[str, ...] | None:
    """The first of WAYS that works here."""
    return next((found for found in WAYS if _works(found)), None)


def command(target: str, folder: Path, words: Sequence[str]) -> list[str]:
    """The command line that runs `words`, as the same process, with `folder` at `target` below /var/run."""
    found = way()
    assert found, "no mount namespace can be made here"
    return _command(found, target, folder, words)


def _command(found: Sequence[str], target: str, folder: Path, words: Sequence[str]) -> list[str]:
    return [*found, "sh", "-c", SCRIPT, "sh", target, str(folder), *words]


def _works(found: Sequence[str]) -> bool:
    try:
        tried = _command(found, "/var/run/here", Path("/"), ["true"])
        return subprocess.run(tried, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
