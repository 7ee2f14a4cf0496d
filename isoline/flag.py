"""Flags: each one can be given as an environment variable too, and those of several commands stand here."""

import re
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click
from click.core import ParameterSource

from isoline.mistake import Mistake

Command = TypeVar("Command", bound=Callable[..., Any])
Form = Literal["text", "json", "yaml"]
Loopback = Literal["allow", "refuse"]

LEVELS = ("debug", "info", "warning", "error")
# What belongs to --kubeconfig.
OF_CLUSTERS = ("context", "watch_namespace")


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


class ObjectName(click.ParamType[str]):
    """`namespace/name` of an object."""

    name = "name"
    PATTERN = re.compile(r"[a-z0-9][-a-z0-9]{0,62}/[a-z0-9][-.a-z0-9]{0,252}")

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The same; it fails as click does."""
        if self.PATTERN.fullmatch(str(value)) is None:
            self.fail(f"{value!r} names no object; write it as namespace/name", param, ctx)
        return str(value)


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


def kubeconfig(text: str) -> Callable[[Command], Command]:
    """How a cluster is reached."""
    return together(
        flag("--kubeconfig", metavar="FILE", type=click.Path(), help=text),
        flag("--context", metavar="NAME", help="That of the kubeconfig.  [default: its current one]"),
    )


def clusters() -> Callable[[Command], Command]:
    """Which clusters there are."""
    return flag(
        "--clusters", type=click.Choice(["referenced", "all"]), default="referenced",
        help="Clusters of the Services that routes lead to, or of every port of every Service.",
    )  # fmt: skip


class Names(click.ParamType[tuple[str, ...]]):
    """Names, separated by commas."""

    name = "names"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The names; it fails as click does."""
        if isinstance(value, tuple):
            return value
        found = tuple(part.strip() for part in str(value).split(","))
        if not all(found):
            self.fail(f"{value!r} holds an empty name; write it as a,b", param, ctx)
        return found


class Namespaces(Names):
    """Names that namespaces can have, separated by commas."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The names; it fails as click does."""
        from watcher.kinds import MAX_NAMESPACE, NAMESPACE  # noqa: PLC0415 - for this flag alone

        found = super().convert(value, param, ctx)
        for name in found:
            if NAMESPACE.fullmatch(name) is None or len(name) > MAX_NAMESPACE:
                self.fail(f"{name!r} is no name of a namespace: lower-case letters, digits and -", param, ctx)
        return found


def watch_namespace() -> Callable[[Command], Command]:
    """What of a cluster is read."""
    return flag(
        "--watch-namespace", type=Namespaces(), metavar="NAME,...", default=(), show_default=False,
        help="Of the cluster, read objects of these namespaces alone.  [default: all]",
    )  # fmt: skip


def cluster() -> Callable[[Command], Command]:
    """Where objects come from that stand in no file; see isoline.kubeconfig.Kubeconfig."""
    return together(kubeconfig("A cluster, as kubectl would reach it."), watch_namespace())


def ingress_class() -> Callable[[Command], Command]:
    """Which Ingresses are ours."""
    return flag(
        "--ingress-class", type=Names(), metavar="NAME,...", default=(), show_default=False,
        help="Exactly Ingresses of these classes.  [default: isoline's own, and those without class]",
    )  # fmt: skip


def enable_external_name() -> Callable[[Command], Command]:
    """Whether Services of type ExternalName are served."""
    return flag(
        "--enable-external-name", is_flag=True,
        help="Serve Services of type ExternalName: they lead to any host that Envoy can reach.",
    )  # fmt: skip


def loopback_endpoints(default: Loopback | None = None) -> Callable[[Command], Command]:
    """Whether manual endpoints may lead to this machine; without a default `loopback` has the last word."""
    shown = "" if default is not None else "  [default: allow in files, refuse in a cluster]"
    return flag(
        "--loopback-endpoints", type=click.Choice(["allow", "refuse"]), default=default,
        help=f"Endpoints on loopback and link-local addresses.{shown}",
    )  # fmt: skip


def loopback(given: Loopback | None, *, of_cluster: bool) -> Loopback:
    """What is meant where nothing is said: whoever may write EndpointSlices to a cluster is not thereby the
    owner of the machine that Envoy runs on.
    """
    return given or ("refuse" if of_cluster else "allow")


def default_certificate() -> Callable[[Command], Command]:
    """The certificate of handshakes that are for no host."""
    return flag(
        "--default-certificate", type=ObjectName(), metavar="NS/NAME",
        help="The Secret for tls hosts that name none, and for handshakes that are for no known host.  "
        "[default: none]",
    )  # fmt: skip


def listen(default: str, text: str = "The address that Envoy listens at.") -> Callable[[Command], Command]:
    """Where Envoy's ports are."""
    return flag("--listen", metavar="IP", default=default, help=text)


def redirect_port(default: int | None, shown: str) -> Callable[[Command], Command]:
    """Where redirects to HTTPS point."""
    return flag(
        "--redirect-port", type=click.IntRange(1, 65535), default=default, metavar="PORT", show_default=False,
        help=f"The port that redirects to HTTPS name.  [default: {shown}]",
    )  # fmt: skip


def meaning() -> Callable[[Command], Command]:
    """What changes the meaning of manifests, for tools that read them; the defaults are those of `up`."""
    return together(
        loopback_endpoints(),
        clusters(),
        default_certificate(),
        ingress_class(),
        enable_external_name(),
        listen("127.0.0.1"),
        port("http", 8080, "Envoy's port for HTTP."),
        port("https", 8443, "Envoy's port for HTTPS."),
        redirect_port(None, "that of --https-port"),
    )


def is_typed(parameter: str) -> bool:
    """Whether it stands on the command line. A variable may be there for another command."""
    return click.get_current_context().get_parameter_source(parameter) is ParameterSource.COMMANDLINE


def only_one(*parameters: str) -> str | None:
    """Which of these parameters is given; what stands on the command line goes before variables, which may be
    there for another command. Raises Mistake when several are.
    """
    context = click.get_current_context()
    for source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT):
        given = [name for name in parameters if context.get_parameter_source(name) is source]
        if len(given) > 1:
            *others, last = map(_shown, parameters)
            raise Mistake(f"give one of {', '.join(others)} and {last}")
        if given:
            return given[0]
    return None


def of_cluster(argument: str) -> bool:
    """Whether the objects are those of --kubeconfig, and not of this argument. Raises Mistake when both are
    given, UsageError when neither is.
    """
    found = only_one(argument, "kubeconfig")
    if found is None:
        raise click.UsageError(f"give {_shown(argument)} or --kubeconfig FILE", click.get_current_context())
    return found == "kubeconfig"


def demand_absent(*parameters: str, why: str) -> None:
    """Raises Mistake when one of these stands on the command line."""
    for name in filter(is_typed, parameters):
        raise Mistake(f"{_shown(name)} {why}")


def _shown(parameter: str) -> str:
    """As its user writes it: a flag, or the place of an argument."""
    found = next(each for each in click.get_current_context().command.params if each.name == parameter)
    return found.opts[0] if isinstance(found, click.Option) else str(found.metavar).split()[0].strip("[]")
