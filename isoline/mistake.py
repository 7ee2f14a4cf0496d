"""What a user got wrong, as one line."""

import click


class Mistake(click.ClickException):
    """Wrong usage or unreadable input: exit code 2. The message says what is wrong and what to do."""

    exit_code = 2
