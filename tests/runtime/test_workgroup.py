import asyncio
import os
import signal

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
