"""Results on stdout, everything else on stderr."""

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from isoline.flag import Form
from runtime.start_error import StartError


def result(text: str) -> None:
    """Writes a result to stdout and flushes it. A reader that has gone away is no failure: the exit code is
    the answer whoever reads. Raises StartError when stdout cannot be written.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise StartError(f"stdout: {error.strerror}") from error


def say(line: str) -> None:
    """One line for people on stderr; lost when nobody is there to read it."""
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def shown(form: Form, value: Any, text: Callable[[], str]) -> str:  # noqa: ANN401 - JSON
    """A value in the form that was asked for; `text` is called for that of people."""
    match form:
        case "json":
            return as_json(value)
        case "yaml":
            return as_yaml(value)
        case "text":
            return text()


def counted(number: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def as_json(value: Any) -> str:  # noqa: ANN401 - JSON
    """Indented, ending in a newline."""
    import orjson  # noqa: PLC0415 - as below

    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def as_yaml(value: Any) -> str:  # noqa: ANN401 - JSON
    """In block style, keys in the order given."""
    import yaml  # noqa: PLC0415 - only what is shown as YAML needs it

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(value, Dumper=dumper, sort_keys=False, default_flow_style=False, allow_unicode=True)
    return text


def coloured(*, on_stderr: bool = False) -> bool:
    """Whether colours may be used on stdout, or on stderr."""
    stream = sys.stderr if on_stderr else sys.stdout
    return stream.isatty() and not os.environ.get("NO_COLOR")


def styled(text: str, colour: str, *, on: bool) -> str:
    """The text in a colour, if colours are on."""
    return click.style(text, fg=colour) if on else text
