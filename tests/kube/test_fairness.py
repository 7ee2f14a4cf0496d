"""The API server's own limits (priority and fairness): who is over them is asked to come again later."""

import asyncio
import re
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from tests.kube.authority import Authority
from tests.kube.client import ApiError, Client
from tests.kube.cluster import READER, Cluster
from tests.kube.followed import SOURCES, Followed
from tests.support.background import Background
from tests.support.deadline import wait_until
from tests.support.manifest import service

pytestmark = [pytest.mark.cluster, pytest.mark.process]

# The reader may do everything, but nothing while another request of theirs is under way: without seats each
# request is wider than the limit, and such a one is let in when it is alone.
NAME = "one-at-a-time"
ONE_AT_A_TIME = f"""\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {NAME}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}
subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: {READER}}}]
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: PriorityLevelConfiguration
metadata: {{name: {NAME}}}
spec:
  type: Limited
  limited: {{nominalConcurrencyShares: 0, lendablePercent: 0, borrowingLimitPercent: 0,
    limitResponse: {{type: Reject}}}}
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: {{name: {NAME}}}
spec:
  matchingPrecedence: 2
  priorityLevelConfiguration: {{name: {NAME}}}
  rules:
  - subjects: [{{kind: User, user: {{name: {READER}}}}}]
    resourceRules:
    - {{verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true}}
"""
# Asked before each ConfigMap is made; it must answer within the longest time that there is.
WEBHOOK = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {{name: {name}}}
webhooks:
- name: silent.example.com
  clientConfig: {{url: "https://127.0.0.1:{port}", caBundle: {ca}}}
  namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}
  rules: [{{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [configmaps]}}]
  timeoutSeconds: 30
  failurePolicy: Fail
  sideEffects: None
  admissionReviewVersions: [v1]
"""


@contextmanager
def silent(background: Background, folder: Path) -> Iterator[tuple[int, bytes]]:
    """An HTTPS server that never answers: its port, and its authority."""

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)

    async def start() -> asyncio.Server:
        return await asyncio.start_server(say_nothing, "127.0.0.1", 0, ssl=context)

    async def stop() -> None:
        server.close()
        for writer in connections:
            writer.transport.abort()

    connections: list[asyncio.StreamWriter] = []
    authority = Authority("silent")
    pair = authority.server("127.0.0.1")
    (folder / "server.pem").write_bytes(pair.key + pair.chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    server = background.run(start())
    try:
        yield server.sockets[0].getsockname()[1], authority.certificate
    finally:
        background.run(stop())


@pytest.fixture
def busy(cluster: Cluster, kube: Client, background: Background, tmp_path: Path) -> Iterator[None]:
    """A request of the reader is under way, and they have a limit of one."""

    def take() -> None:
        with suppress(ApiError, OSError):
            reader.ask("POST", f"/api/v1/namespaces/{kube.namespace}/configmaps", {"metadata": {"name": "a"}})

    def is_refused() -> bool:
        try:
            reader.list("Service")
        except ApiError as error:
            return error.code == 429
        return False

    reader = cluster.client(READER, namespace=kube.namespace)
    with silent(background, tmp_path) as (port, ca):
        authority = b64encode(ca).decode()
        kube.apply(WEBHOOK.format(name=NAME, port=port, ca=authority, namespace=kube.namespace))
        kube.apply(ONE_AT_A_TIME)
        wait_until(lambda: reader.list("Secret") == [], "the reader may read something")
        taking = Thread(target=take)
        taking.start()
        wait_until(is_refused, "the reader is over their limit")
        yield
    taking.join()


def refused(kube: Client) -> int:
    """To how many requests of the reader the API server has said 429."""
    name = f'apiserver_flowcontrol_rejected_requests_total{{flow_schema="{NAME}"'
    lines = re.findall(rf"^{re.escape(name)}.* (\d+)$", kube.ask("GET", "/metrics"), re.MULTILINE)
    return sum(map(int, lines))


@pytest.mark.usefixtures("busy")
def test_a_watcher_over_its_limit_asks_when_the_server_says(
    cluster: Cluster, kube: Client, background: Background
) -> None:
    """Once a second, by Retry-After, and is not ready; when the limit is lifted it has all."""
    kube.apply({**service("a"), "metadata": {"name": "a"}})
    before = refused(kube)
    config = cluster.kubeconfig(user=READER, namespace=kube.namespace)
    with Followed(background, kube, config) as watcher:
        wait_until(lambda: refused(kube) >= before + 4 * SOURCES, "many are refused", of=[watcher.program])

        assert not watcher.is_ready()
        assert "(HTTP status 429)" in watcher.waits_for

        kube.delete("FlowSchema", NAME)

        wait_until(watcher.is_ready, "the watcher is ready", of=[watcher.program])
        watcher.catches_up()
        assert refused(kube) - before <= SOURCES * (2 + watcher.seconds)
