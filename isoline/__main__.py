"""The command `isoline`: each process, all of them at once, and the offline tools.

Exit codes: 0 fine; 1 the answer is "no"; 2 wrong usage or unreadable input; 3 a process or peer failed.
"""

import os
import sys
import traceback
from importlib import import_module
from pathlib import Path

import click

from isoline import output
from runtime.start_error import StartError

# What each command is for; its module is read only when the command is used or asked about.
COMMANDS = {
    "demo": "Write a small example folder, serve it, and print requests to try.",
    "up": "Serve a folder of manifests, or a cluster, by an Envoy on this machine.",
    "check": "Say what is wrong in manifests, or in a cluster.",
    "render": "Show what Envoy would hold for manifests, or for a cluster.",
    "diff": "Show what a change of manifests would do to Envoy.",
    "explain": "Say what becomes of a request, and which object decides it.",
    "get": "Ask a running xDS server as an Envoy would.",
    "status": "Show the processes, and what each Envoy holds, lags behind on, or refuses.",
    "bootstrap": "Print Envoy's start file for an xDS server.",
    "certgen": "Make the certificates and keys that the processes trust each other by.",
    "watcher": "Run the process that reads manifests, or a cluster.",
    "translator": "Run the process that turns objects into Envoy's resources.",
    "xds-server": "Run the process that serves Envoys.",
    "completion": "Print what makes a shell complete commands and flags.",
    "version": "Print the version.",
}


class _Isoline(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"isoline.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"there is no command {args[0]!r}; there are {', '.join(COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Isoline,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Each flag can be given as the variable ISOLINE_<FLAG> too: ISOLINE_HTTP_PORT for --http-port.",
)
def isoline() -> None:
    """An Envoy control plane for Kubernetes."""


def main() -> int:
    """Runs the command line; returns the exit code. Every mistake is one line on stderr."""
    try:
        answer = isoline.main(prog_name="isoline", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        return _tell(_one_line(error), error.exit_code)
    except StartError as error:
        return _tell(str(error), 3)
    except (KeyboardInterrupt, click.Abort):
        return 130  # as of a program that SIGINT ends
    except Exception as error:  # noqa: BLE001 - a bug of ours, which its user cannot read as a traceback
        return _tell(_bug(error), 3)
    return int(answer or 0)


def _tell(line: str, code: int) -> int:
    output.say(f"isoline: {line}")
    return code


def _one_line(error: click.ClickException) -> str:
    line = " ".join(error.format_message().split()).rstrip(".")
    if isinstance(error, click.UsageError) and error.ctx is not None and error.ctx.command_path not in line:
        line += f" (see {error.ctx.command_path} --help)"
    return line


def _bug(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    root = Path(__file__).resolve().parent.parent
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(root)] or frames
    place = f"{os.path.relpath(ours[-1].filename, root)}:{ours[-1].lineno}" if ours else "?"
    text = " ".join(str(error).split())[:200]
    return f"a bug of isoline, please report it: {type(error).__name__}: {text} ({place})"


if __name__ == "__main__":
    sys.exit(main())
