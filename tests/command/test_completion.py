"""`isoline completion`: what a shell is told."""

import os
import subprocess
from collections.abc import Callable

import pytest

from isoline.__main__ import COMMANDS
from tests.support.program import Program
from tests.support.up import ISOLINE

Isoline = Callable[..., Program]


def completed(*words: str) -> list[str]:
    """What may stand in place of the last word, as bash asks."""
    asked = {"_ISOLINE_COMPLETE": "bash_complete", "COMP_CWORD": str(len(words) - 1)}
    env = {**os.environ, **asked, "COMP_WORDS": " ".join(words)}
    ran = subprocess.run([ISOLINE], env=env, capture_output=True, text=True, check=True)
    return ran.stdout.splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_isoline(isoline: Isoline, shell: str) -> None:
    """By click's own variable."""
    program = isoline("completion", shell)

    assert program.exit_code() == 0
    assert "_ISOLINE_COMPLETE" in "\n".join(program.stdout)


def test_commands_are_completed() -> None:
    """All of them after a blank."""
    assert completed("isoline", "") == [f"plain,{name}" for name in COMMANDS]
    assert completed("isoline", "ex") == ["plain,explain"]


def test_types_are_completed() -> None:
    """Of `get` and of `render`."""
    types = ["listeners", "routes", "hosts", "clusters", "endpoints", "secrets"]

    assert completed("isoline", "get", "") == [f"plain,{type_}" for type_ in types]
    assert completed("isoline", "render", "--type", "h") == ["plain,hosts"]


def test_flags_are_completed() -> None:
    """By their long names."""
    assert completed("isoline", "explain", "--x") == ["plain,--xds", "plain,--xds-tls"]


@pytest.mark.parametrize(
    "words", [["check", "a"], ["diff", "a"], ["explain", "--from", "a"], ["up", "--kubeconfig", "a"]]
)
def test_paths_are_left_to_the_shell(words: list[str]) -> None:
    """Which knows how."""
    assert completed("isoline", *words) == ["file,a"]
