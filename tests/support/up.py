"""`isoline up` as its user has it."""

import shutil
import socket
import stat
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Self

import httpx
import psutil

from tests.support.admin import Admin
from tests.support.deadline import wait_until
from tests.support.port import free_port
from tests.support.program import Program

ISOLINE = Path(sys.executable).with_name("isoline")
ROLES = ("watcher", "translator", "xds-server")


class Up:
    """`isoline up FOLDER` on free ports with a run directory of its own; `start` waits for `ready`. Without
    a folder the flags say what is served.

    May be started again after it has ended, on the same ports and run directory.
    """

    def __init__(
        self, folder: Path | None, *flags: str | Path, envoy: bool = True, run_dir: Path | None = None
    ) -> None:
        self.folder = folder
        self.flags = flags
        self.envoy = envoy
        self.http_port, self.https_port, self.stats_port = free_port(), free_port(), free_port()
        # Not below pytest's folder: the path of a unix socket has at most 107 characters.
        self.run_dir = run_dir or Path(tempfile.mkdtemp(prefix="isoline-"))
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.program: Program

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        if hasattr(self, "program"):
            self.program.__exit__()
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def command(self) -> list[str | Path]:
        """The command line."""
        ports = {"http": self.http_port, "https": self.https_port, "stats": self.stats_port}
        words = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
        words += ["--run-dir", str(self.run_dir)] + ([] if self.envoy else ["--no-envoy"])
        source = [] if self.folder is None else [self.folder]
        return [ISOLINE, "up", *source, *words, *self.flags]

    def launch(self) -> None:
        """Starts it and does not wait."""
        if hasattr(self, "program"):
            self.program.__exit__()
        self.program = Program(self.command())

    def start(self) -> None:
        """Starts it and waits until it says `ready`."""
        self.launch()
        self.program.said(r"^ready ")

    def process(self, role: str) -> psutil.Process:
        """The child that runs now as `watcher`, `translator`, `xds-server` or `envoy`; waits for one."""
        return wait_until(lambda: self._find(role), f"a process {role}", of=[self.program])

    def _find(self, role: str) -> psutil.Process | None:
        for process in self.program.family():
            try:
                words = process.cmdline()
            except psutil.Error:
                continue
            named = Path(words[0]).name.startswith("envoy") if role == "envoy" and words else role in words
            if named and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None

    def kill(self, *roles: str) -> None:
        """SIGKILL to these at once, and waits until each runs again as another process."""
        before = {role: self.process(role) for role in roles}
        for process in before.values():
            process.kill()
        for role, process in before.items():
            wait_until(partial(self._runs_anew, role, process.pid), f"{role} starts again", of=[self.program])

    def _runs_anew(self, role: str, old: int) -> bool:
        process = self._find(role)
        return process is not None and process.pid != old

    def get(self, host: str, path: str = "/", *, method: str = "GET") -> httpx.Response:
        """One request through Envoy, its path as it stands, on a connection of its own.

        Raises OSError when it gets no answer.
        """
        headers = {"host": host, "connection": "close"}
        try:
            with httpx.Client(base_url=self.url, timeout=30.0, trust_env=False) as client:
                return client.request(method, "/", headers=headers, extensions={"target": path.encode()})
        except httpx.TransportError as error:
            raise OSError(repr(error)) from error

    def answers(self, host: str, path: str = "/") -> str:
        """Who answers: the name of the backend, else the status as text."""
        response = self.get(host, path)
        return str(response.json()["backend"]) if response.status_code == 200 else str(response.status_code)

    def becomes(self, answer: str, host: str, path: str = "/") -> None:
        """Waits until `answers` says this."""
        what = f"{host}{path} is answered by {answer}"
        wait_until(lambda: self.answers(host, path) == answer, what, of=[self.program])

    @property
    def admin(self) -> Admin:
        """Envoy's admin interface."""
        sockets = self.run_dir.rglob("*admin*")
        return Admin(next(found for found in sockets if stat.S_ISSOCK(found.stat().st_mode)))

    def listens(self) -> bool:
        """Whether somebody accepts connections at the http port."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.http_port)) == 0
