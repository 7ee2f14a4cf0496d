"""deploy/namespaced/ in an API server: a watcher without any right in the whole cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import asking, each_kind, mount_namespace
from tests.deploy.installed import TRANSLATOR, WATCHER, Installed, installed
from tests.deploy.rendered import NAMESPACED, rendered
from tests.deploy.rights import granted, taken_away
from tests.kube.cluster import Cluster
from tests.support.background import Background

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.process,
    pytest.mark.skipif(mount_namespace.way() is None, reason="no mount namespace can be made here"),
]

OWN_SERVICE = tuple(f"{verb} services isoline-envoy in isoline" for verb in ("list", "watch"))
CLASSES = "ingressclasses.networking.k8s.io"


@pytest.fixture(scope="module")
def running(assets: Path, background: Background) -> Iterator[Installed]:
    # Else a list is a watch to RBAC.
    flag = "--feature-gates=WatchList=false"
    with Cluster(assets, flag) as cluster, installed(cluster, background, NAMESPACED) as found:
        shop = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
        found.client.apply(each_kind.DEFINITION, each_kind.INGRESS_CLASS, shop)
        found.plain.start(WATCHER, TRANSLATOR)
        found.plain.becomes_ready(WATCHER)
        yield found


def table(running: Installed, background: Background) -> set[str]:
    """The objects that the translator is told of."""
    run = running.plain.plan.find(WATCHER).mounts["/run/isoline"]
    return asking.reads(background, f"ipc://{run}/link/objects", "objects")


def test_only_the_watched_namespace_is_read(running: Installed, background: Background) -> None:
    """Of every kind, while it changes; what is in another one never arrives."""
    wanted = each_kind.named("web")
    running.client.apply(*each_kind.named("web", "shop"), *wanted)

    running.plain.until(
        lambda: table(running, background) >= each_kind.references(wanted),
        "what is in the namespace is there",
    )
    assert {ref.split("/")[1] for ref in table(running, background)} == {"default", ""}


def test_nothing_is_refused_but_ingress_classes_and_that_is_told(
    running: Installed, background: Background
) -> None:
    """They are in no namespace; the watcher goes on without them."""
    refused = [line for line in running.plain.programs[WATCHER].stderr if "forbidden" in line]

    assert len(refused) == 1
    assert f"{CLASSES} is forbidden" in refused[0]
    assert {ref for ref in table(running, background) if not ref.split("/")[1]} == {f"API//{CLASSES}"}


def test_an_ingress_has_the_address_of_the_envoys(running: Installed) -> None:
    """That stands in a Service of a namespace that is not watched."""
    running.client.apply(*each_kind.named("own"))
    running.move("192.0.2.80")

    running.plain.until(lambda: running.address("own") == "192.0.2.80", "the address is in its status")


@pytest.mark.parametrize("right", OWN_SERVICE)
def test_without_a_right_to_the_service_of_envoys_no_address_is_written_and_that_is_told(
    running: Installed, right: str
) -> None:
    """Each of both is needed."""
    objects, name = rendered(NAMESPACED), right.partition(" ")[0]
    running.plain.programs[WATCHER].terminate()
    with taken_away(running.client, objects, right):
        running.plain.start(WATCHER)
        running.plain.becomes_ready(WATCHER)
        running.client.apply(*each_kind.named(name))

        refusal = granted(objects)[right].refusal
        running.plain.programs[WATCHER].said(rf'{refusal} in the namespace \\"isoline\\"')
        assert running.address(name) is None
