import asyncio
import contextlib
import os
import signal
import subprocess
import sys

import pytest

from runtime.start_error import StartError
from runtime.workgroup import PartFailedError, Workgroup, main


class Part:
    """Waits until it is ended or told to fail; keeps what became of it in `ended`."""

    def __init__(self, ended: list[str], name: str) -> None:
        self.ended = ended
        self.name = name

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append(self.name)


async def nothing() -> None:
    return None


async def broken() -> None:
    raise ValueError("out of ink")


async def test_the_first_part_to_end_stops_the_rest_the_last_added_first() -> None:
    """Parts only make sense together, so none may be quietly missing."""
    ended: list[str] = []
    group = Workgroup()
    group.add("link", Part(ended, "link").run)
    group.add("probe", Part(ended, "probe").run)
    group.add("short", nothing)

    with pytest.raises(PartFailedError, match=r"^short ended by itself$"):
        await group.run()

    assert ended == ["probe", "link"]


async def test_a_part_that_fails_ends_the_group_with_its_name_and_error() -> None:
    """A mistake of ours ends the process, and says which part it was."""
    ended: list[str] = []
    group = Workgroup()
    group.add("link", Part(ended, "link").run)
    group.add("printer", broken)

    with pytest.raises(PartFailedError, match="printer failed: out of ink"):
        await group.run()

    assert ended == ["link"]


async def test_a_part_that_fails_while_it_is_stopped_is_told_too() -> None:
    """An error during the stop is an error: the exit code says so."""

    async def fails_at_the_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("no room to flush")

    group = Workgroup()
    group.add("flush", fails_at_the_end)
    group.stop()

    with pytest.raises(PartFailedError, match="flush failed: no room to flush"):
        await group.run()


async def test_of_several_failures_the_first_in_time_is_told() -> None:
    """Whatever the order in which the parts were added: the others may be its consequences."""

    async def broken_later() -> None:
        await asyncio.sleep(0)
        raise ValueError("no paper")

    group = Workgroup()
    for name, part in (("tray", broken_later), ("printer", broken), ("short", nothing)):
        group.add(name, part)

    with pytest.raises(PartFailedError, match=r"^printer failed: out of ink$"):
        await group.run()


async def test_a_part_that_does_not_stop_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a failure, and nobody waits for it."""
    monkeypatch.setattr("runtime.workgroup.STOP_SECONDS", 0.0)
    released = asyncio.Event()

    async def stubborn() -> None:
        while not released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await released.wait()

    group = Workgroup()
    group.add("stubborn", stubborn)
    group.stop()

    with pytest.raises(PartFailedError, match=r"^stubborn does not stop within 0 s$"):
        await group.run()
    released.set()


async def test_stop_ends_every_part_without_error() -> None:
    """A clean stop is no failure."""
    ended: list[str] = []
    group = Workgroup()
    group.add("link", Part(ended, "link").run)
    group.stop()

    await group.run()

    assert ended == ["link"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_clean_stop(number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end the process with 0 after every part has cleaned up."""
    ended: list[str] = []

    async def kill() -> None:
        os.kill(os.getpid(), number)
        await asyncio.Event().wait()

    def wire(group: Workgroup) -> None:
        group.add("link", Part(ended, "link").run)
        group.add("kill", kill)

    code = main(wire)

    assert (code, ended) == (0, ["link"])


def test_what_keeps_a_process_from_starting_is_one_line_and_exit_code_3(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The user reads what is wrong, not a traceback."""

    async def refused() -> None:
        raise StartError("port 8080 is in use: choose another with --http-port")

    code = main(lambda group: group.add("listen", refused))

    assert code == 3
    assert capsys.readouterr().err == "isoline: port 8080 is in use: choose another with --http-port\n"


def test_a_failed_part_is_exit_code_3() -> None:
    """Whoever started the process can tell a failure from a stop."""
    assert main(lambda group: group.add("printer", broken)) == 3


def test_a_part_that_ends_by_itself_is_exit_code_3() -> None:
    """Nobody has asked for it, so whoever watches the process is to know."""
    assert main(lambda group: group.add("short", nothing)) == 3


STUBBORN = """
import asyncio, threading
from runtime import workgroup

async def part():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

async def thread():
    await asyncio.to_thread(threading.Event().wait)

async def broken():
    await asyncio.sleep(0)
    raise ValueError("out of ink")

def wire(group):
    group.add("stubborn", {stubborn})
    group.add("printer", broken)

workgroup.STOP_SECONDS, workgroup.EXIT_SECONDS = 0.0, 1.0
raise SystemExit(workgroup.main(wire))
"""


@pytest.mark.process
@pytest.mark.parametrize("stubborn", ["part", "thread"])
def test_a_process_ends_whatever_does_not_stop_in_it(stubborn: str) -> None:
    """With exit code 3, after it has told why it wanted to end."""
    ended = subprocess.run(
        [sys.executable, "-c", STUBBORN.replace("{stubborn}", stubborn)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 3
    assert "out of ink" in ended.stdout + ended.stderr
    assert "process does not end" in ended.stdout + ended.stderr
