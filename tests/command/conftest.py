from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.program import Program
from tests.support.up import ISOLINE


@pytest.fixture
def isoline(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """`isoline("check", path)` runs the command to its end, in an empty folder."""
    programs: list[Program] = []

    def run(*words: str | Path, env: dict[str, str] | None = None) -> Program:
        program = Program([ISOLINE, *words], env, tmp_path)
        programs.append(program)
        program.exit_code()
        return program

    yield run
    for program in programs:
        program.__exit__()
