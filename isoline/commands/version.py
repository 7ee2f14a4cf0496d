"""`isoline version`."""

import platform
from importlib.metadata import version

import click

from isoline import flag, output


@click.command()
@flag.form()
def command(form: flag.Form) -> None:
    """Print the version of isoline, of Python, and of Envoy's API."""
    known = {
        "isoline": version("isoline"),
        "python": platform.python_version(),
        "envoy_api": f"v3 (envoy-data-plane {version('envoy-data-plane')})",
    }
    text = f"isoline {known['isoline']}\nPython {known['python']}\nEnvoy API {known['envoy_api']}\n"
    output.result(output.shown(form, known, lambda: text))
