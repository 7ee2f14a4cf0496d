"""`isoline watcher`."""

from pathlib import Path
from typing import Any

import click

from isoline import flag
from isoline.kubeconfig import Kubeconfig
from isoline.mistake import Mistake

SOURCES = ("folder", "kubeconfig", "in_cluster")
# What only a cluster has.
OF_CLUSTERS = (*flag.OF_CLUSTERS, "status_address", "publish_service")


@click.command()
@flag.flag("--folder", metavar="DIR", help="Follow manifests: *.yaml, *.yml, *.json, subfolders too.")
@flag.kubeconfig("Follow a cluster, as kubectl would reach it.")
@flag.flag("--in-cluster", is_flag=True, help="Follow the cluster of the pod that this runs in.")
@flag.watch_namespace()
@flag.flag(
    "--publish",
    metavar="ADDR",
    required=True,
    help="Where the objects are published: ipc:///path or tcp://host:port.",
)
@flag.flag(
    "--statuses", metavar="ADDR", multiple=True,
    help="A translator's address, whose statuses are written to the cluster; to a folder none are.  "
    "[default: nothing is written]",
)  # fmt: skip
@flag.flag(
    "--status-address", type=flag.Names(), metavar="ADDRESS,...", default=(), show_default=False,
    help="IP addresses and host names under which Envoys are reached, for the status of Ingresses.",
)  # fmt: skip
@flag.flag(
    "--publish-service", type=flag.ObjectName(), metavar="NS/NAME",
    help="Or the Service whose addresses those are.",
)  # fmt: skip
@flag.process()
def command(**flags: Any) -> int:  # noqa: ANN401 - a value for each flag
    """Follow a folder of manifests or a cluster, and publish the objects."""
    source = flag.only_one(*SOURCES)
    if source is None:
        raise Mistake("give one of --folder DIR, --kubeconfig FILE and --in-cluster")
    return _folder(**flags) if source == "folder" else _cluster(source, **flags)


def _folder(folder: str, **flags: Any) -> int:  # noqa: ANN401
    if not Path(folder).is_dir():
        raise Mistake(f"--folder {folder}: no such folder; name one that holds manifests")
    flag.demand_absent(*OF_CLUSTERS, why="is for a cluster, not for --folder")
    from runtime import log, workgroup  # noqa: PLC0415 - not for --help
    from watcher.files import run  # noqa: PLC0415
    from watcher.files.settings import Settings  # noqa: PLC0415

    for name in ("kubeconfig", "in_cluster", "statuses", *OF_CLUSTERS):
        del flags[name]
    settings = Settings(folder=folder, **flags)
    log.configure(settings.log_level, "watcher")
    return workgroup.main(lambda group: run.wire(settings, group))


def _cluster(source: str, **flags: Any) -> int:  # noqa: ANN401
    if source == "in_cluster" and flags["context"]:
        raise Mistake("--context names one of a --kubeconfig")
    if flags["status_address"] and flags["publish_service"]:
        raise Mistake("give one of --status-address and --publish-service")
    if source == "in_cluster":
        flags["kubeconfig"] = None
    else:
        Kubeconfig(flags["kubeconfig"], flags["context"]).access()
    from runtime import log, workgroup  # noqa: PLC0415
    from watcher.cluster import run  # noqa: PLC0415
    from watcher.cluster.settings import Settings  # noqa: PLC0415

    del flags["folder"], flags["in_cluster"]
    settings = Settings(**flags)
    log.configure(settings.log_level, "watcher")
    return workgroup.main(lambda group: run.wire(settings, group))
