"""A process that is kept running."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runtime.start_error import StartError

TIED = str(Path(__file__).with_name("tied.py"))
# Time to end after SIGTERM. Workgroup gives five seconds for all, who are asked at once.
STOP_SECONDS = 3.0
FIRST_DELAY, MAX_DELAY = 0.1, 5.0
# Who has lived this long starts again at once the next time.
SETTLED_SECONDS = 10.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Child:
    """What to run, under which name, and where its stdout goes (stderr when there is no path)."""

    name: str
    command: Sequence[str]
    stdout: Path | None = None
    # Sockets that a killed one would find in its way.
    clear: Sequence[Path] = field(default=())


class Family:
    """Runs children until cancelled, starting each that ends again; they end with this process, however it
    ends.

    Until `settled` is called a child that ends by itself ends all, by StartError: it would not do better the
    next time.
    """

    def __init__(self, children: Sequence[Child], say: Say) -> None:
        self._children = children
        self._say = say
        self._settled = False

    def settled(self) -> None:
        """All has started well."""
        self._settled = True

    async def run(self) -> None:
        """Until cancelled, or StartError. All children are asked to end at once."""
        tasks = [asyncio.create_task(self._keep(child), name=child.name) for child in self._children]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _keep(self, child: Child) -> None:
        clock = asyncio.get_running_loop().time
        delay = FIRST_DELAY
        while True:
            began = clock()
            code = await _once(child)
            if not self._settled and code >= 0:
                raise StartError(f"{child.name} {_ended(code)} before all was ready")
            if clock() - began > SETTLED_SECONDS:
                delay = FIRST_DELAY
            self._say(f"{child.name} {_ended(code)}; starting it again")
            await asyncio.sleep(delay)
            delay = min(2 * delay, MAX_DELAY)


async def _once(child: Child) -> int:
    """Runs it to its end; its exit code, negative for a signal. Ends it when cancelled."""
    for path in child.clear:
        path.unlink(missing_ok=True)
    with contextlib.ExitStack() as stack:
        stdout = stack.enter_context(child.stdout.open("ab")) if child.stdout is not None else sys.stderr
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", TIED, str(os.getpid()), *child.command),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            env=_environment(os.environ),
            start_new_session=True,  # Ctrl-C at the terminal is for us, and we end the children
        )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Without our flags: `ISOLINE_PROBE`, meant for one process, would be every child's."""
    return {name: value for name, value in ours.items() if not name.startswith("ISOLINE_")}


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
