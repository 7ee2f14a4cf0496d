"""`isoline completion`."""

import click
from click.shell_completion import get_completion_class

from isoline import output

# How a shell takes it, for the help.
VARIABLE = "_ISOLINE_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print what makes a shell complete commands, flags, types and paths.

    bash: `source <(isoline completion bash)` in ~/.bashrc; zsh: the same in ~/.zshrc; fish:
    `isoline completion fish > ~/.config/fish/completions/isoline.fish`.
    """
    from isoline.__main__ import isoline  # noqa: PLC0415 - it imports this module

    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - of the three that there are
    output.result(found(isoline, {}, "isoline", VARIABLE).source() + "\n")
