"""Flags: each one can be given as an environment variable too, and those of several commands stand here."""

import re
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
Form = Literal["text", "json", "yaml"]

LEVELS = ("debug", "info", "warning", "error")


def flag(*names: str, **options: Any) -> Callable[[Command], Command]:  # noqa: ANN401 - click's options
    """A flag whose variable is ISOLINE_ and its long name; `multiple` ones are separated by blanks there."""
    long = next(name for name in names if name.startswith("--"))
    variable = f"ISOLINE_{long.removeprefix('--').replace('-', '_').upper()}"
    shown = options.get("default") is not None and not options.get("is_flag")
    return click.option(*names, **{"envvar": variable, "show_default": shown, **options})


def together(*flags: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several flags as one decorator, in this order in the help."""

    def decorate(command: Command) -> Command:
        for one in reversed(flags):
            command = one(command)
        return command

    return decorate


class Duration(click.ParamType[float]):
    """Seconds, from `60s`, `1m30s`, `500ms`."""

    name = "duration"
    UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}  # noqa: RUF012 - a constant

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number of seconds; it fails as click does."""
        if isinstance(value, float):
            return value
        parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", str(value))
        if not parts or "".join(number + unit for number, unit in parts) != value:
            self.fail(f"{value!r} is no duration; write it as 60s, 1m30s or 500ms", param, ctx)
        return sum(float(number) * self.UNITS[unit] for number, unit in parts)


def form() -> Callable[[Command], Command]:
    """`-o`: how a result is shown."""
    return flag(
        "-o", "--output", "form", type=click.Choice(["text", "json", "yaml"]), default="text",
        help="How the result is shown.",
    )  # fmt: skip


def log_level(default: str = "info") -> Callable[[Command], Command]:
    """`--log-level` of the lines on stderr."""
    return flag("--log-level", type=click.Choice(LEVELS), default=default, help="Of the log on stderr.")


def port(name: str, default: int, text: str) -> Callable[[Command], Command]:
    """A port that Envoy listens at."""
    return flag(f"--{name}-port", type=click.IntRange(1, 65535), default=default, metavar="PORT", help=text)


def process() -> Callable[[Command], Command]:
    """What all three processes take."""
    return together(
        flag("--link-keys", metavar="DIR", help="CURVE keys (isoline certgen) for tcp:// beyond loopback."),
        flag("--probe", metavar="ADDR", help="/healthz, /readyz, /metrics at host:port or unix:PATH."),
        flag("--debug", metavar="ADDR", help="/debug/status, /debug/profile at loopback or unix:PATH."),
        log_level(),
    )


def clusters() -> Callable[[Command], Command]:
    """Which clusters there are."""
    return flag(
        "--clusters", type=click.Choice(["referenced", "all"]), default="referenced",
        help="Clusters of the Services that routes lead to, or of every port of every Service.",
    )  # fmt: skip


def loopback_endpoints(default: str) -> Callable[[Command], Command]:
    """Whether manual endpoints may lead to this machine."""
    return flag(
        "--loopback-endpoints", type=click.Choice(["allow", "refuse"]), default=default,
        help="Endpoints on loopback and link-local addresses.",
    )  # fmt: skip


def meaning() -> Callable[[Command], Command]:
    """What changes the meaning of manifests, for tools that read them; the defaults are those of `up`."""
    return together(loopback_endpoints("allow"), clusters())
