"""`isoline watcher`."""

from pathlib import Path
from typing import Any

import click

from isoline import flag
from isoline.mistake import Mistake


@click.command()
@flag.flag(
    "--folder",
    metavar="DIR",
    required=True,
    help="Manifests to follow: *.yaml, *.yml, *.json, subfolders too.",
)
@flag.flag(
    "--publish",
    metavar="ADDR",
    required=True,
    help="Where the objects are published: ipc:///path or tcp://host:port.",
)
@flag.flag(
    "--statuses",
    metavar="ADDR",
    help="The translator's address, whose statuses are written back to a cluster.",
)
@flag.process()
def command(**flags: Any) -> int:  # noqa: ANN401 - a value for each flag
    """Follow a folder of manifests and publish its objects."""
    if not Path(flags["folder"]).is_dir():
        raise Mistake(f"--folder {flags['folder']}: no such folder; name one that holds manifests")
    from runtime import log, workgroup  # noqa: PLC0415 - not for --help
    from watcher.files import run  # noqa: PLC0415
    from watcher.files.settings import Settings  # noqa: PLC0415

    settings = Settings(**flags)
    log.configure(settings.log_level, "watcher")
    return workgroup.main(lambda group: run.wire(settings, group))
