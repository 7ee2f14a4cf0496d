"""The flags of an edge, asked of a real Envoy: PROXY protocol and trusted proxies in front."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from envoy.config.bootstrap.v3 import bootstrap_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2

from tests.stories.objects import ingress, service
from tests.stories.world import Core, Kube
from tests.support.deadline import wait_until
from tests.support.port import free_port
from tests.support.program import Program
from tests.translator.real_envoy import BINARY, serving
from translator.settings import Settings

pytestmark = pytest.mark.envoy

V1 = b"PROXY TCP4 192.0.2.7 192.0.2.8 1234 80\r\n"
V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 9, 192, 0, 2, 8]) + b"\x04\xd2\0\x50"


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Settings], int]]:
    """`serve(settings)` is the port of an Envoy that answers with the client's address, as it sees it."""
    with ExitStack() as stack:
        ports: dict[Settings, int] = {}

        def start(settings: Settings) -> int:
            if settings not in ports:
                ports[settings] = port = free_port()
                path = tmp_path_factory.mktemp("envoy") / "start.pb"
                path.write_bytes(_start_file(settings, port))
                run = stack.enter_context(
                    Program([BINARY, "-c", path, "--use-dynamic-base-id", "-l", "error"])
                )
                wait_until(lambda: _listens(port), "Envoy listens", of=[run])
            return ports[settings]

        yield start


def _start_file(settings: Settings, port: int) -> bytes:
    world = Core(settings)
    Kube(world).apply(ingress("web", to="kuard:80", host=""), service("kuard", 80))
    start = bootstrap_pb2.Bootstrap.FromString(serving(dict(world.resources()), port))
    filter_ = start.static_resources.listeners[0].filter_chains[0].filters[0]
    manager = http_connection_manager_pb2.HttpConnectionManager.FromString(filter_.typed_config.value)
    told = manager.route_config.response_headers_to_add.add()
    told.header.key, told.header.value = "x-client", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"
    filter_.typed_config.Pack(manager)
    return start.SerializeToString()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def client(port: int, forwarded: str = "", before: bytes = b"") -> str:
    """Whom Envoy takes for the client of a request; "" when it closes the connection without an answer."""
    header = f"X-Forwarded-For: {forwarded}\r\n" if forwarded else ""
    request = f"GET / HTTP/1.1\r\nHost: a.com\r\nConnection: close\r\n{header}\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(before + request.encode())
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
    found = [line for line in answer.decode().split("\r\n") if line.startswith("x-client: ")]
    return found[0].partition(": ")[2] if found else ""


@pytest.mark.parametrize(
    ("hops", "forwarded", "seen"),
    [
        (0, "", "127.0.0.1"),
        (0, "192.0.2.1", "127.0.0.1"),
        (1, "192.0.2.1", "192.0.2.1"),
        (1, "198.51.100.1, 192.0.2.1", "192.0.2.1"),
        (2, "198.51.100.1, 192.0.2.1, 192.0.2.2", "192.0.2.1"),
        (2, "", "127.0.0.1"),
    ],
)
def test_only_trusted_proxies_say_who_the_client_is(
    serve: Callable[[Settings], int], hops: int, forwarded: str, seen: str
) -> None:
    """`--xff-num-trusted-hops N`: the N-th address from the right; what stands left of it is the client's
    word.
    """
    assert client(serve(Settings(xff_num_trusted_hops=hops)), forwarded) == seen


@pytest.mark.parametrize(
    ("before", "seen"),
    [(V1, "192.0.2.7"), (V2, "192.0.2.9"), (b"", ""), (b"PROXY TCP4 nonsense\r\n", "")],
    ids=["v1", "v2", "none", "broken"],
)
def test_a_connection_must_begin_with_the_proxy_protocol_where_it_is_asked_for(
    serve: Callable[[Settings], int], before: bytes, seen: str
) -> None:
    """`--proxy-protocol`; without its header nobody could say who the client is."""
    assert client(serve(Settings(proxy_protocol=True)), before=before) == seen
