"""The three processes, each started by hand with its own command, as a pod starts them."""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import httpx

from tests.support.deadline import wait_until
from tests.support.port import free_port
from tests.support.program import Program
from tests.support.up import ISOLINE


class Pipeline:
    """Watcher (of a folder, or of a kubeconfig's cluster), translator and xds-server over unix sockets, each
    started and killed by name.

    `flags[role]` are added to a command. Envoys find the xDS server at `address`.
    """

    def __init__(
        self, folder: Path | None = None, *, kubeconfig: Path | None = None, **flags: list[str]
    ) -> None:
        self.run_dir = Path(tempfile.mkdtemp(prefix="pipe-"))
        self.address = f"unix:{self.run_dir}/xds"
        self.http_port = free_port()
        self.programs: dict[str, Program] = {}
        self._stack = ExitStack()
        objects, resources, rejections = (
            f"ipc://{self.run_dir}/{n}" for n in ("objects", "resources", "nacks")
        )
        source = ["--folder", str(folder)] if kubeconfig is None else ["--kubeconfig", str(kubeconfig)]
        ports = ["--http-port", str(self.http_port), "--https-port", str(free_port())]
        self._commands = {
            "watcher": [*source, "--publish", objects, "--statuses", resources],
            "translator": ["--objects", objects, "--publish", resources, "--rejections", rejections, *ports],
            "xds-server": ["--resources", resources, "--publish", rejections, "--xds-listen", self.address],
        }
        self._commands["translator"] += ["--loopback-endpoints", "allow"]
        for role, words in flags.items():
            self._commands[role.replace("_", "-")] += words

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def start(self, *roles: str) -> None:
        """Starts these, each with a probe that `ready` asks."""
        for role in roles:
            probe = f"unix:{self.run_dir}/{role}.probe"
            command = [str(ISOLINE), role, *self._commands[role], "--probe", probe]
            self.programs[role] = self._stack.enter_context(Program(command))

    def kill(self, *roles: str) -> None:
        """SIGKILL."""
        for role in roles:
            self.programs[role].kill()

    def is_ready(self, role: str) -> bool:
        """What its probe says."""
        try:
            return self.get(role, "/readyz").startswith("ok")
        except httpx.TransportError:
            return False

    def get(self, role: str, path: str) -> str:
        """A page of its probe."""
        transport = httpx.HTTPTransport(uds=str(self.run_dir / f"{role}.probe"))
        with httpx.Client(transport=transport, base_url="http://probe") as client:
            return client.get(path).text

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Waits for this while each process that was started runs."""
        wait_until(condition, what, of=self.programs.values())

    def listens(self) -> None:
        """Waits until the xDS server has its socket."""
        self.until((self.run_dir / "xds").exists, "the socket of the xDS server")
