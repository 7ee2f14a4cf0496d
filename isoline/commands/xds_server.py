"""`isoline xds-server`."""

import os
from typing import Any

import click

from isoline import flag

# Sockets are read in the thread that waits for messages. By gRPC's default a pool of threads does it, and
# hands each message on several times (docs/decisions/0015).
GRPC_EXPERIMENTS = "-event_engine_listener"


@click.command()
@flag.flag(
    "--resources",
    metavar="ADDR",
    multiple=True,
    required=True,
    help="A translator's address; once for each shard.",
)
@flag.flag("--publish", metavar="ADDR", required=True, help="Where rejections and deliveries are published.")
@flag.flag(
    "--xds-listen",
    metavar="ADDR",
    multiple=True,
    required=True,
    help="Where Envoys connect: unix:PATH or host:port; several times for several.",
)
@flag.flag("--xds-tls", metavar="DIR", help="tls.crt, tls.key and ca.crt for mTLS; required off loopback.")
@flag.flag(
    "--cluster-grace", type=flag.Duration(), default="60s", help="How long a cluster outlives its last route."
)
@flag.process()
def command(**flags: Any) -> int:  # noqa: ANN401 - a value for each flag
    """Serve Envoys the resources that a translator publishes."""
    os.environ.setdefault("GRPC_EXPERIMENTS", GRPC_EXPERIMENTS)  # read when grpc is imported
    from runtime import log, workgroup  # noqa: PLC0415 - not for --help
    from xds_server import run  # noqa: PLC0415
    from xds_server.settings import Settings  # noqa: PLC0415

    settings = Settings(**flags)
    log.configure(settings.log_level, "xds-server")
    return workgroup.main(lambda group: run.wire(settings, group))
