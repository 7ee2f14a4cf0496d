"""A program that a test starts: its lines are kept, and it is gone when the test is."""

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

import psutil

from tests.support.deadline import wait_until


class Program:
    """A child process with the lines of its stdout and stderr so far."""

    def __init__(
        self, command: Sequence[str | Path], env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        self.command = [str(word) for word in command]
        self.stdout: list[str] = []
        self.stderr: list[str] = []
        self._was_told_to_end = False
        # A group of its own, so that a Ctrl-C at the terminal of the test run ends it by our order only.
        self.popen = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=None if env is None else {**os.environ, **env},
            cwd=cwd,
            start_new_session=True,
        )
        assert self.popen.stdout
        assert self.popen.stderr
        self._readers = [
            threading.Thread(target=_read, args=pair, daemon=True)
            for pair in ((self.popen.stdout, self.stdout), (self.popen.stderr, self.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Ends it and whatever it has started, by force where SIGTERM is not enough."""
        self._was_told_to_end = True
        if self.popen.poll() is None:
            family = self.family()
            self.popen.terminate()
            try:
                self.popen.wait(15.0)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait(15.0)
            kill_all(family)
        for reader in self._readers:
            reader.join(5.0)
        for pipe in (self.popen.stdout, self.popen.stderr):
            if pipe is not None:
                pipe.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid

    def family(self) -> list[psutil.Process]:
        """Its descendants that run now."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.popen.pid).children(recursive=True)
        return []

    def terminate(self) -> int:
        """SIGTERM, and its exit code."""
        self._was_told_to_end = True
        self.popen.terminate()
        return self.exit_code()

    def kill(self) -> None:
        """SIGKILL, and waits until it is gone."""
        self._was_told_to_end = True
        self.popen.kill()
        self.popen.wait(15.0)

    def has_ended_by_itself(self) -> bool:
        """Whether it has ended though none of us told it to; then all it said is read."""
        if self._was_told_to_end or self.popen.poll() is None:
            return False
        for reader in self._readers:
            reader.join(5.0)  # its children may live, and have its stderr
        return True

    def exit_code(self) -> int:
        """Waits until it has ended and all it said is read."""

        def ended() -> bool:
            assert self.popen.poll() is not None, self
            return True

        wait_until(ended, f"{self.command[0]} ends")
        for reader in self._readers:
            reader.join(15.0)
        return self.popen.returncode

    def said(self, pattern: str, *, after: int = 0) -> re.Match[str]:
        """The first match in a line of stdout or stderr; waits for it. `after` skips lines of stderr."""

        def found() -> re.Match[str] | None:
            lines = [*self.stdout, *self.stderr[after:]]
            return next((match for line in lines if (match := re.search(pattern, line))), None)

        return wait_until(found, f"a line with {pattern!r}", of=[self])

    def __str__(self) -> str:
        tail = "\n  ".join([*self.stdout[-10:], *self.stderr[-25:]])
        return f"{' '.join(self.command)} (exit code {self.popen.poll()})\n  {tail}\n"


def kill_all(processes: Sequence[psutil.Process]) -> None:
    """SIGKILL to each of these that still runs, and waits until they are gone."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(processes, timeout=15.0)


def _read(pipe: IO[str], lines: list[str]) -> None:
    for line in pipe:
        lines.append(line.rstrip("\n"))  # noqa: PERF401 - seen line by line by another thread
