"""`isoline translator`."""

from typing import Any

import click

from isoline import flag
from isoline.mistake import Mistake


@click.command()
@flag.flag(
    "--objects", metavar="ADDR", required=True, help="The watcher's address: ipc:///path or tcp://host:port."
)
@flag.flag("--publish", metavar="ADDR", required=True, help="Where resources and statuses are published.")
@flag.flag(
    "--rejections", metavar="ADDR", multiple=True, help="An xDS server's address; may be given several times."
)
@flag.flag("--shards", type=click.IntRange(1), default=1, help="How many translators share the work.")
@flag.flag("--shard", type=click.IntRange(0), default=0, help="Which of them this is, from 0.")
@flag.clusters()
@flag.default_certificate()
@flag.redirect_port(443, "443")
@flag.ingress_class()
@flag.enable_external_name()
@flag.listen("0.0.0.0")  # noqa: S104
@flag.port("http", 8080, "Envoy's port for HTTP.")
@flag.port("https", 8443, "Envoy's port for HTTPS.")
@flag.loopback_endpoints("refuse")
@flag.flag("--proxy-protocol", is_flag=True, help="Connections begin with a PROXY protocol header.")
@flag.flag(
    "--xff-num-trusted-hops",
    type=click.IntRange(0),
    default=0,
    help="Proxies in front of Envoy that are trusted.",
)
@flag.process()
def command(**flags: Any) -> int:  # noqa: ANN401 - a value for each flag
    """Turn objects into Envoy's resources and publish them."""
    if flags["shard"] >= flags["shards"]:
        raise Mistake(f"--shard {flags['shard']}: there are {flags['shards']} shards, numbered from 0")
    from runtime import log, workgroup  # noqa: PLC0415 - not for --help
    from translator import run  # noqa: PLC0415
    from translator.settings import Settings  # noqa: PLC0415

    settings = Settings(**flags)
    log.configure(settings.log_level, "translator")
    return workgroup.main(lambda group: run.wire(settings, group))
