"""All rights of deploy/ are enough, and each is needed: without it something breaks, and that is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy import asking, each_kind, mount_namespace
from tests.deploy.installed import TRANSLATOR, WATCHER, Installed, installed
from tests.deploy.objects import Objects
from tests.deploy.rights import granted, taken_away
from tests.kube.cluster import Cluster
from tests.support.background import Background
from tests.support.program import Program

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.process,
    pytest.mark.skipif(mount_namespace.way() is None, reason="no mount namespace can be made here"),
]

# Whether the watcher still says that it is ready: without it nothing is translated.
READING = {
    "list ingresses.networking.k8s.io": False,
    "watch ingresses.networking.k8s.io": False,
    "list ingressclasses.networking.k8s.io": True,
    "watch ingressclasses.networking.k8s.io": True,
    "list services": False,
    "watch services": False,
    "list endpointslices.discovery.k8s.io": False,
    "watch endpointslices.discovery.k8s.io": False,
    "list secrets": True,
    "watch secrets": True,
    "list tlscertificatedelegations.projectcontour.io": True,
    "watch tlscertificatedelegations.projectcontour.io": True,
}


@pytest.fixture(scope="module")
def running(assets: Path, background: Background) -> Iterator[Installed]:
    """A translator, and no watcher yet."""
    # A list that comes as a stream is a watch to RBAC: servers that offer it would not miss the verb.
    with (
        Cluster(assets, "--feature-gates=WatchList=false") as cluster,
        installed(cluster, background) as found,
    ):
        found.client.apply(each_kind.DEFINITION)
        found.plain.start(TRANSLATOR)
        yield found


@contextmanager
def watching(running: Installed, objects: Objects, *lacking: str) -> Iterator[Program]:
    """A watcher that lacks these rights."""
    with taken_away(running.client, objects, *lacking):
        running.plain.start(WATCHER)
        program = running.plain.programs[WATCHER]
        try:
            yield program
        finally:
            program.terminate()


@pytest.mark.parametrize("right", READING)
def test_without_a_right_to_read_a_resource_it_is_told(
    running: Installed, objects: Objects, right: str
) -> None:
    """By the name that a rule has it under; whether the rest goes on stands in the table."""
    with watching(running, objects, right) as watcher:
        watcher.said(granted(objects)[right].refusal)

        if READING[right]:
            running.plain.becomes_ready(WATCHER)
        else:
            assert not running.plain.ready(WATCHER)


def test_with_all_rights_every_kind_is_followed_and_nothing_refused(
    running: Installed, objects: Objects, background: Background
) -> None:
    """What is made while the watcher runs arrives, so each kind is listed and watched."""
    made = [*each_kind.named("web"), each_kind.INGRESS_CLASS]
    with watching(running, objects) as watcher:
        running.plain.becomes_ready(WATCHER)
        running.client.apply(*made)
        run = running.plain.plan.find(WATCHER).mounts["/run/isoline"]

        running.plain.until(
            lambda: (
                asking.reads(background, f"ipc://{run}/link/objects", "objects") >= each_kind.references(made)
            ),
            "all of it has arrived",
        )
        assert not any("forbidden" in line for line in watcher.stderr)
