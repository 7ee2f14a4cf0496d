"""A cluster so large, and a proxy so slow and impatient, that no list as a stream gets through."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.kube.client import Client
from tests.kube.cluster import Cluster
from tests.kube.followed import SOURCES, Followed
from tests.kube.proxy import Proxy
from tests.support.background import Background
from tests.support.manifest import Object

pytestmark = [pytest.mark.cluster, pytest.mark.envoy, pytest.mark.process]

# More than two pages, of 2 KiB each: by this proxy the whole takes twice as long as it allows, a page half.
OBJECTS, BYTES = 1_250, 1_600
KIBPS, CUT_SECONDS = 512, 3
SLICES = "/apis/discovery.k8s.io/v1/namespaces/{0}/endpointslices"


def slice_(name: str) -> Object:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/service-name": "a"},
            "annotations": {"padding": "x" * BYTES},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.1.2.3"]}],
        "ports": [{"name": "http", "port": 8080}],
    }


@pytest.fixture
def large(kube: Client) -> Iterator[Client]:
    """With many EndpointSlices in the namespace."""
    slices = SLICES.format(kube.namespace)
    with ThreadPoolExecutor(4) as threads:
        for _ in threads.map(lambda n: kube.ask("POST", slices, slice_(f"a-{n}")), range(OBJECTS)):
            pass
    yield kube
    kube.ask("DELETE", slices)


def test_a_list_that_never_comes_whole_as_a_stream_comes_in_pages(
    cluster: Cluster, large: Client, background: Background
) -> None:
    """After few attempts; then the watches are cut, too, and go on where they were."""
    with (
        Proxy(cluster, cut_seconds=CUT_SECONDS, kibps=KIBPS) as proxy,
        Followed(background, large, proxy.kubeconfig(namespace=large.namespace)) as watcher,
    ):
        watcher.catches_up()
        large.ask("POST", SLICES.format(large.namespace), slice_("one-more"))
        large.delete("EndpointSlice", "a-0")
        watcher.catches_up()

        assert watcher.gone == {f"EndpointSlice/{large.namespace}/a-0"}
        assert proxy.requests <= SOURCES * (2 + watcher.seconds / CUT_SECONDS)
