"""Children are kept running, are ended with everything else, and end with their parent however it ends."""

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from isoline.up.child import Child, Family
from runtime.start_error import StartError
from tests.support.deadline import wait_until
from tests.support.program import Program

pytestmark = pytest.mark.process

DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)"


def python(code: str) -> list[str]:
    """The command line of a small program."""
    return [sys.executable, "-c", code]


def notes(path: Path, then: str) -> list[str]:
    """A program that writes its process id to a file, and then does this."""
    return python(
        "import os, pathlib, signal, sys, time\n"
        f"with open({str(path)!r}, 'a') as file: file.write(str(os.getpid()) + ' ')\n{then}"
    )


def noted(path: Path) -> list[int]:
    """The process ids in that file."""
    return [int(line) for line in path.read_text().split()] if path.exists() else []


async def until(condition: Callable[[], object]) -> None:
    """Waits, at most 20 s."""
    async with asyncio.timeout(20.0):
        while not condition():  # noqa: ASYNC110 - of processes, which tell nobody
            await asyncio.sleep(0.01)


async def test_a_child_that_is_killed_is_started_again(tmp_path: Path) -> None:
    """A line says so."""
    said: list[str] = []
    family = Family([Child("server", notes(tmp_path / "pids", "time.sleep(60)"))], said.append)
    family.settled()
    running = asyncio.create_task(family.run())
    await until(lambda: len(noted(tmp_path / "pids")) == 1)

    psutil.Process(noted(tmp_path / "pids")[0]).kill()
    await until(lambda: len(noted(tmp_path / "pids")) == 2)

    assert said == ["server was ended by SIGKILL; starting it again"]
    running.cancel()
    await asyncio.wait([running])
    assert not psutil.pid_exists(noted(tmp_path / "pids")[1])


async def test_a_child_that_ends_by_itself_is_started_again_at_longer_and_longer_intervals(
    tmp_path: Path,
) -> None:
    """0.1 s, 0.2 s, 0.4 s … so that a broken one does not take the machine."""
    said: list[str] = []
    family = Family([Child("server", notes(tmp_path / "pids", "sys.exit(7)"))], said.append)
    family.settled()
    began = asyncio.get_running_loop().time()
    running = asyncio.create_task(family.run())
    await until(lambda: len(noted(tmp_path / "pids")) == 4)

    assert asyncio.get_running_loop().time() - began >= 0.1 + 0.2 + 0.4
    running.cancel()
    await asyncio.wait([running])
    assert set(said) == {"server ended with exit code 7; starting it again"}


async def test_a_child_that_cannot_start_ends_all_of_them(tmp_path: Path) -> None:
    """Before everything has settled; it would not do better the next time."""
    good = Child("good", notes(tmp_path / "pids", "time.sleep(60)"))
    wait = f"while not pathlib.Path({str(tmp_path / 'pids')!r}).exists(): time.sleep(0.01)\nexit(3)"
    bad = Child("bad", notes(tmp_path / "others", wait))
    family = Family([good, bad], lambda _line: None)

    with pytest.raises(StartError, match="bad ended with exit code 3 before all was ready"):
        await family.run()

    assert [pid for pid in noted(tmp_path / "pids") if psutil.pid_exists(pid)] == []


async def test_children_that_do_not_heed_sigterm_are_killed_together(tmp_path: Path) -> None:
    """Three seconds for all, not for each: `isoline up` ends within 10 s."""
    deaf = notes(tmp_path / "pids", DEAF)
    family = Family([Child(name, deaf) for name in "abcd"], lambda _line: None)
    running = asyncio.create_task(family.run())
    await until(lambda: len(noted(tmp_path / "pids")) == 4)
    await until(lambda: all(_ignores_sigterm(pid) for pid in noted(tmp_path / "pids")))

    began = asyncio.get_running_loop().time()
    running.cancel()
    await asyncio.wait([running])

    assert asyncio.get_running_loop().time() - began < 4.5
    assert [pid for pid in noted(tmp_path / "pids") if psutil.pid_exists(pid)] == []


def _ignores_sigterm(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    ignored = next(line for line in status.splitlines() if line.startswith("SigIgn:"))
    return bool(int(ignored.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def test_children_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """By SIGKILL, which it cannot heed; even children that heed nothing."""
    child = notes(tmp_path / "pids", DEAF)
    parent = (
        "import asyncio\nfrom isoline.up.child import Child, Family\n"
        f"asyncio.run(Family([Child('a', {child!r}), Child('b', {child!r})], print).run())"
    )
    with Program([sys.executable, "-c", parent]) as program:
        wait_until(lambda: len(noted(tmp_path / "pids")) == 2, "two children", of=[program])

        program.kill()

        pids = noted(tmp_path / "pids")
        wait_until(lambda: not any(_runs(pid) for pid in pids), "the children end")


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_a_child_does_not_see_our_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ISOLINE_PROBE, meant for one process, would be every child's."""
    monkeypatch.setenv("ISOLINE_PROBE", "127.0.0.1:8001")
    listed = "[name for name in os.environ if name.startswith('ISOLINE')]"
    code = f"import os, pathlib\npathlib.Path({str(tmp_path / 'seen')!r}).write_text(str({listed}))"

    with pytest.raises(StartError):
        await Family([Child("server", python(code))], lambda _line: None).run()

    assert (tmp_path / "seen").read_text() == "[]"


async def test_a_childs_output_can_be_kept_in_a_file(tmp_path: Path) -> None:
    """What a former one has written stays."""
    (tmp_path / "log").write_text("before\n")
    child = Child("server", python("print('after')"), stdout=tmp_path / "log")

    with pytest.raises(StartError):
        await Family([child], lambda _line: None).run()

    assert (tmp_path / "log").read_text() == "before\nafter\n"


async def test_a_program_that_is_gone_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """By name."""
    with pytest.raises(StartError, match="server ended with exit code 127"):
        await Family([Child("server", [str(tmp_path / "gone")])], lambda _line: None).run()

    assert capfd.readouterr().err == f"isoline: {tmp_path / 'gone'}: No such file or directory\n"
