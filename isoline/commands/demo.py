"""`isoline demo`."""

import sys
from pathlib import Path
from typing import Any

import click

from isoline import output
from isoline.up import start
from isoline.up.ports import shown


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="isoline-demo")
@start.flags()
def command(folder: Path, **flags: Any) -> int:  # noqa: ANN401 - a value for each flag
    """Write example manifests into FOLDER, serve them, and print requests to try.

    Starts three example backends, and then does what `isoline up FOLDER` does. FOLDER is isoline-demo unless
    named; a file in it that was edited is never written over. It stays when Ctrl-C ends everything else.
    """
    from isoline.demo import example  # noqa: PLC0415 - not for --help
    from isoline.up.child import Child  # noqa: PLC0415

    ports = {f"{name}_port": int(flags[f"{name}_port"]) for name in ("http", "https", "stats")}
    written = example.write(folder, ports.values())
    for path in written.kept:
        output.say(f"{path} was edited, and stays as it is")
    backends = [
        Child(name, [sys.executable, "-m", "isoline.demo.backend", name, str(port)])
        for name, port in written.ports.items()
    ]
    http, https = (f"{shown(flags['listen'])}:{flags[f'{name}_port']}" for name in ("http", "https"))
    return start.start(
        folder,
        before=backends,
        after=lambda: example.requests(written, http, https),
        loopback_endpoints="allow",
        clusters="referenced",
        default_certificate=None,
        enable_external_name=False,
        xds_listen=None,
        xds_tls=None,
        **flags,
    )
