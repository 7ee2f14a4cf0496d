"""What every command promises: exit codes, one line for a mistake, a variable for each flag."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from isoline.__main__ import COMMANDS
from tests.support.program import Program
from tests.support.up import ISOLINE

Isoline = Callable[..., Program]


def flags() -> Iterator[tuple[str, click.Option]]:
    """Every flag of every command."""
    for name in COMMANDS:
        command: click.Command = import_module(f"isoline.commands.{name.replace('-', '_')}").command
        yield from ((name, flag) for flag in command.params if isinstance(flag, click.Option))


def test_help_names_every_command(isoline: Isoline) -> None:
    """On stdout, with exit code 0."""
    program = isoline("--help")

    assert program.exit_code() == 0
    named = {line.split()[0] for line in program.stdout if line.startswith("  ") and line.strip()}
    assert set(COMMANDS) <= named


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(isoline: Isoline, name: str) -> None:
    """On stdout, with exit code 0; it starts with how it is used."""
    program = isoline(name, "--help")

    assert program.exit_code() == 0
    assert program.stdout[0].startswith(f"Usage: isoline {name} [OPTIONS]")
    assert program.stderr == []


@pytest.mark.parametrize(("command", "flag"), list(flags()), ids=lambda given: getattr(given, "name", given))
def test_every_flag_has_a_variable(command: str, flag: click.Option) -> None:
    """`--http-port` is ISOLINE_HTTP_PORT."""
    long = next(option for option in flag.opts if option.startswith("--"))

    assert flag.envvar == "ISOLINE_" + long[2:].replace("-", "_").upper(), command


def test_a_flag_may_be_given_as_a_variable(isoline: Isoline) -> None:
    """A flag on the command line counts more."""
    variable = {"ISOLINE_OUTPUT": "json"}

    assert isoline("version", env=variable).stdout[0] == "{"
    assert isoline("version", "-o", "text", env=variable).stdout[0].startswith("isoline ")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["upp"], r"isoline: there is no command 'upp'; there are demo, up, .*"),
        (["up"], r"isoline: give FOLDER or --kubeconfig FILE \(see isoline up --help\)"),
        (["check"], r"isoline: give PATH\.\.\. or --kubeconfig FILE \(see isoline check --help\)"),
        (["up", "--http-prot", "1", "x"], r"isoline: No such option '?--http-prot'?.*--http-port.*"),
        (["up", "--http-port", "99999", "x"], r"isoline: Invalid value for '--http-port'.*65535.*"),
        (["up", "--http-port", "x", "x"], r"isoline: Invalid value for '--http-port'.*"),
        (["translator", "--publish", "ipc:///x"], r"isoline: Missing option '--objects'.*"),
        (["version", "-o", "xml"], r"isoline: Invalid value for '-o'.*json.*"),
        (["bootstrap", "--xds", "nowhere"], r"isoline: --xds nowhere: expected unix:/PATH or host:port"),
        (["watcher", "--folder", "/nowhere", "--publish", "ipc:///x"], r"isoline: --folder /nowhere: .*"),
        (
            ["translator", "--objects", "a", "--publish", "b", "--shard", "1"],
            r"isoline: --shard 1: there are 1 .*",
        ),
        (["xds-server", "--cluster-grace", "5 minutes"], r".*'5 minutes' is no duration; write it as 60s.*"),
        (
            ["up", "--default-certificate", "web", "x"],
            r".*'web' names no object; write it as namespace/name.*",
        ),
        (["check", "nowhere"], r"isoline: nowhere: no such file or folder"),
        (["render", "nowhere"], r"isoline: nowhere: no such file or folder"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_wrong_usage_is_one_line_and_exit_code_2(isoline: Isoline, words: list[str], line: str) -> None:
    """It says what is wrong, and what would be right."""
    program = isoline(*words)

    assert program.exit_code() == 2
    assert program.stdout == []
    assert len(program.stderr) == 1
    assert re.fullmatch(line, program.stderr[0]), program.stderr


def test_no_command_shows_the_help_as_a_mistake(isoline: Isoline) -> None:
    """On stderr, with exit code 2."""
    program = isoline()

    assert program.exit_code() == 2
    assert program.stdout == []
    assert program.stderr[0].startswith("Usage: isoline")


@pytest.mark.parametrize("process", ["watcher", "translator", "xds-server"])
def test_an_address_that_is_none_ends_a_process_with_one_line(
    isoline: Isoline, process: str, tmp_path: Path
) -> None:
    """Exit code 3: it cannot start."""
    words = {
        "watcher": ["--folder", tmp_path, "--publish", "nowhere"],
        "translator": ["--objects", "nowhere", "--publish", "ipc:///tmp/x/y"],
        "xds-server": ["--resources", "nowhere", "--publish", "ipc:///x/y", "--xds-listen", "unix:/x/y"],
    }
    program = isoline(process, *words[process])

    assert program.exit_code() == 3
    assert program.stderr == ["isoline: nowhere: expected ipc:///path or tcp://host:port"]


def test_a_bug_is_one_line_without_a_traceback(tmp_path: Path) -> None:
    """It names the place in our code, for the report."""
    broken = tmp_path / "broken.py"
    broken.write_text(
        "import sys, isoline.__main__ as main, isoline.commands.version as version\n"
        "version.version = lambda name: {}[name]\n"
        "sys.argv = ['isoline', 'version']\n"
        "sys.exit(main.main())"
    )

    ran = subprocess.run([sys.executable, broken], capture_output=True, text=True, check=False)

    assert ran.returncode == 3
    pattern = r"isoline: a bug of isoline, please report it: KeyError: 'isoline' \(.*version\.py:\d+\)\n"
    assert re.fullmatch(pattern, ran.stderr), ran.stderr


def test_version_and_help_import_no_process() -> None:
    """They answer at once: nothing of grpc, ZeroMQ, pydantic or Envoy's messages is read."""
    code = (
        "import sys, isoline.__main__ as m\n"
        "for words in (['--help'], ['version'], ['up', '--help'], ['translator', '--help']):\n"
        "    sys.argv = ['isoline', *words]; m.main()\n"
        "print(sorted({'grpc', 'zmq', 'pydantic', 'envoy_data_plane', 'aiohttp'} & sys.modules.keys()))"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_goes_away_changes_no_exit_code(tmp_path: Path) -> None:
    """`isoline check … | head -0`: the exit code is the answer, and stderr stays clean of it."""
    (tmp_path / "bad.yaml").write_text("a: [\n" * 3)
    read, write = os.pipe()
    os.close(read)

    ran = subprocess.run([ISOLINE, "check", tmp_path], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)

    assert ran.returncode == 1
    assert ran.stderr == b"0 objects in 1 file: 1 error, 0 warnings\n"


def test_a_result_that_cannot_be_written_is_told() -> None:
    """A full disk is no empty result."""
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run([ISOLINE, "version"], stdout=full, stderr=subprocess.PIPE, check=False)

    assert ran.returncode == 3
    assert ran.stderr == b"isoline: stdout: No space left on device\n"


@pytest.mark.parametrize("form", ["json", "yaml", "text"])
def test_version_says_its_own_pythons_and_the_apis(isoline: Isoline, form: str) -> None:
    """In every form."""
    shown = "\n".join(isoline("version", "-o", form).stdout)

    for part in (".".join(map(str, sys.version_info[:3])), "0.1.0", "v3 (envoy-data-plane "):
        assert part in shown
