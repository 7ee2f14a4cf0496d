"""`isoline demo`, as the README has it: the requests that it prints answer as it says."""

import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.port import free_port
from tests.support.program import Program
from tests.support.up import ISOLINE

pytestmark = [pytest.mark.envoy, pytest.mark.process]


def test_the_requests_that_it_prints_answer_as_it_says(tmp_path: Path) -> None:
    """Each line pasted into a shell; afterwards nothing is left but the folder."""
    ports = {f"ISOLINE_{name}_PORT": str(free_port()) for name in ("HTTP", "HTTPS", "STATS")}
    with Program([ISOLINE, "demo"], ports, tmp_path) as program:
        program.said("Ctrl-C ends everything")
        printed = list(zip(program.stdout, program.stdout[1:], strict=False))
        asked = {told.rpartition(": ")[2]: [] for told, line in printed if "curl" in line}
        for told, line in printed:
            if "curl" in line:
                ran = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
                asked[told.rpartition(": ")[2]].append(ran.stdout)

        assert {said: {first_word(answer) for answer in answers} for said, answers in asked.items()} == {
            "shop answers": {"shop"},
            "cart answers": {"cart"},
            "docs answers": {"docs"},
            "404": {"404"},
            "301": {"301"},
        }

        family = program.family()
        program.popen.send_signal(signal.SIGINT)
        assert program.exit_code() == 0
        assert [child for child in family if child.is_running()] == []
        assert [path.name for path in tmp_path.iterdir()] == ["isoline-demo"]


def first_word(answer: str) -> str:
    """The backend that answers, or the status of an answer without body."""
    match = re.match(r"HTTP/1\.1 (\d+)|(\w+): GET ", answer)
    assert match is not None, answer
    return match[1] or match[2]


def test_an_edited_example_is_served_as_edited(tmp_path: Path) -> None:
    """And named, since the printed requests may no longer say what it does."""
    ports = {f"ISOLINE_{name}_PORT": str(free_port()) for name in ("HTTP", "HTTPS", "STATS")}
    folder = tmp_path / "mine"
    for _ in range(2):
        with Program([ISOLINE, "demo", folder], ports) as program:
            program.said("Ctrl-C ends everything")
            edited = (folder / "shop.yaml").read_text().replace("name: cart", "name: docs")
            (folder / "shop.yaml").write_text(edited)
            program.terminate()

    assert f"{folder / 'shop.yaml'} was edited, and stays as it is" in program.stderr
    assert (folder / "shop.yaml").read_text() == edited
