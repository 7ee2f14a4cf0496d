"""The xDS server as a process: services, sockets, certificates, and peers that misbehave."""

import os
import re
import socket
import ssl
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from envoy.service.discovery.v3 import discovery_pb2 as xds

from isoline import certgen
from tests.support.background import Background
from tests.support.port import free_port
from tests.xds.harness import URLS, cluster, front, host, row, site
from tests.xds.serving import ADS, DELTA, SOTW, Call, Serving, called

pytestmark = pytest.mark.process

RESPONSES = 100
MARK = "MARKED-PRIVATE-KEY"
PER_TYPE = {
    "clusters": "envoy.service.cluster.v3.ClusterDiscoveryService/{}Clusters",
    "endpoints": "envoy.service.endpoint.v3.EndpointDiscoveryService/{}Endpoints",
    "listeners": "envoy.service.listener.v3.ListenerDiscoveryService/{}Listeners",
    "routes": "envoy.service.route.v3.RouteDiscoveryService/{}Routes",
    "secrets": "envoy.service.secret.v3.SecretDiscoveryService/{}Secrets",
}
NAMES = {"endpoints": ["ns/a/http"], "routes": ["ingress_http"], "secrets": ["ns/tls"]}


def publish(serving: Serving) -> None:
    """One site with a Secret."""
    serving.put(site("a"), row("secrets/ns/tls", MARK), front(secrets=["ns/tls"]))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `isoline certgen` writes them."""
    folder = tmp_path_factory.mktemp("certificates")
    certgen.write(folder, now=datetime.now(UTC), names=["127.0.0.1"])
    return folder


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def serving(background: Background, port: int) -> Iterator[Serving]:
    """At a unix socket, and in clear on loopback; shared, so tests leave it as it is."""
    made = Serving(background)
    made.listen = (made.address, f"127.0.0.1:{port}")
    with made:
        publish(made)
        yield made


@pytest.fixture
def own(background: Background) -> Iterator[Serving]:
    """One for this test alone."""
    with Serving(background) as made:
        publish(made)
        yield made


@pytest.mark.parametrize("way", ["Delta", "Stream"])
@pytest.mark.parametrize("type_", PER_TYPE)
def test_each_type_has_its_services(serving: Serving, type_: str, way: str) -> None:
    """Delta and State of the World."""
    with serving.channel() as channel:
        data = called(channel, "/" + PER_TYPE[type_].format(way), type_, NAMES.get(type_, []))

    assert URLS[type_].encode() in data
    assert b"isoline" in data


def test_virtual_hosts_have_a_delta_service(serving: Serving) -> None:
    """There is no other of them."""
    method = "/envoy.service.route.v3.VirtualHostDiscoveryService/DeltaVirtualHosts"
    with serving.channel() as channel:
        assert b"a.example.com" in called(channel, method, "hosts")


@pytest.mark.parametrize("method", [DELTA, SOTW])
def test_the_aggregated_service_serves_several_types_on_one_stream(serving: Serving, method: str) -> None:
    """In both ways."""
    with serving.channel() as channel, Call(channel, method, delta=method == DELTA) as call:
        call.ask("clusters")
        assert call.answer().type_url == URLS["clusters"]
        call.ask("listeners")
        assert call.answer().type_url == URLS["listeners"]


def test_messages_are_not_handed_on_among_threads_of_grpc(own: Serving) -> None:
    """By gRPC's default its pool is switched to several times for a response and its acknowledgement: four
    when one follows the other, eighteen when they come alone. Without it there are timers.
    """
    with own.channel() as channel, Call(channel, DELTA, delta=True) as call:
        call.ask("clusters")
        call.answer()
        before = switches(own.program.pid)
        for number in range(RESPONSES):
            own.put(cluster("a", f"content {number}"))
            call.ask("clusters", nonce=call.answer().nonce)

        assert switches(own.program.pid) - before < 2 * RESPONSES


def switches(pid: int) -> int:
    """How often the threads of gRPC's pool have slept and were woken."""
    status = [(task / "status").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    pool = [text for text in status if text.startswith("Name:\tevent_engine\n")]
    assert pool, "another name now?"
    return sum(int(re.findall(r"^voluntary_ctxt_switches:\t(\d+)", text, re.MULTILINE)[0]) for text in pool)


def test_a_client_that_has_said_all_is_answered(serving: Serving) -> None:
    """One that closes its side after the first request gets what there is, and then a clean end."""
    request = xds.DeltaDiscoveryRequest(type_url=URLS["clusters"]).SerializeToString()
    with serving.channel() as channel:
        answers = list(channel.stream_stream(DELTA)(iter([request]), timeout=30.0))

    assert [xds.DeltaDiscoveryResponse.FromString(answer).type_url for answer in answers] == [
        URLS["clusters"]
    ]


def test_a_method_that_there_is_not_is_refused(serving: Serving) -> None:
    """Unary Fetch among them: what is not there needs no guard."""
    with serving.channel() as channel:
        unary = channel.unary_unary("/envoy.service.secret.v3.SecretDiscoveryService/FetchSecrets")
        with pytest.raises(grpc.RpcError) as raised:
            unary(b"", timeout=30.0)

    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED


# Secrets


def test_secrets_are_given_over_the_unix_socket(serving: Serving) -> None:
    """Which is ours alone."""
    with serving.channel() as channel:
        assert MARK.encode() in called(channel, DELTA, "secrets", ["ns/tls"])


@pytest.mark.parametrize("method", [DELTA, SOTW])
def test_secrets_are_withheld_in_clear(serving: Serving, port: int, method: str) -> None:
    """On loopback too; everything else is served, and the reason is in the log."""
    with (
        serving.channel(f"127.0.0.1:{port}") as channel,
        Call(channel, method, delta=method == DELTA) as call,
    ):
        call.ask("secrets", ["ns/tls"])
        call.ask("listeners")
        types = [call.answer()]
        while types[-1].type_url != URLS["listeners"]:
            types.append(call.answer())

    assert [answer for answer in types if MARK.encode() in answer.SerializeToString()] == []
    serving.program.said(r"secrets withheld")
    assert MARK not in str(serving.program)


@pytest.mark.parametrize("way", ["Delta", "Stream"])
def test_the_service_of_secrets_refuses_in_clear(serving: Serving, port: int, way: str) -> None:
    """With the reason for whoever uses it."""
    with serving.channel(f"127.0.0.1:{port}") as channel, pytest.raises(grpc.RpcError) as raised:
        called(channel, "/" + PER_TYPE["secrets"].format(way), "secrets", ["ns/tls"])

    assert raised.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert "mTLS" in raised.value.details()


# mTLS


def credentials(ca: Path, client: Path | None) -> grpc.ChannelCredentials:
    """What a client has: the CA of the server, and maybe a certificate."""
    return grpc.ssl_channel_credentials(
        (ca / "ca.crt").read_bytes(),
        (client / "tls.key").read_bytes() if client else None,
        (client / "tls.crt").read_bytes() if client else None,
    )


@pytest.fixture(scope="module")
def secured(background: Background, certificates: Path) -> Iterator[Serving]:
    """With mTLS beside the unix socket."""
    made = Serving(background, "--xds-tls", certificates / "xds-server")
    made.listen = (made.address, f"127.0.0.1:{free_port()}")
    with made:
        publish(made)
        yield made


def test_a_client_with_a_certificate_of_certgen_is_served(secured: Serving, certificates: Path) -> None:
    """Secrets included."""
    own = credentials(certificates / "envoy", certificates / "envoy")
    with secured.channel(secured.listen[1], own) as channel:
        assert MARK.encode() in called(channel, DELTA, "secrets", ["ns/tls"])


def test_a_client_without_a_certificate_is_refused(secured: Serving, certificates: Path) -> None:
    """At the handshake: none of its requests is read."""
    own = credentials(certificates / "envoy", None)
    with secured.channel(secured.listen[1], own) as channel, pytest.raises(grpc.RpcError) as raised:
        called(channel, DELTA, "clusters")

    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_certificate_of_another_authority_is_refused(
    secured: Serving, certificates: Path, tmp_path: Path
) -> None:
    """Whoever made it."""
    certgen.write(tmp_path, now=datetime.now(UTC), names=["127.0.0.1"])
    own = credentials(certificates / "envoy", tmp_path / "envoy")
    with secured.channel(secured.listen[1], own) as channel, pytest.raises(grpc.RpcError) as raised:
        called(channel, DELTA, "clusters")

    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_client_in_clear_is_refused(secured: Serving) -> None:
    """A port speaks TLS or it doesn't."""
    with secured.channel(secured.listen[1]) as channel, pytest.raises(grpc.RpcError) as raised:
        called(channel, DELTA, "clusters")

    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE


def shown(port: int, ca: Path) -> bytes:
    """The certificate that a server shows."""
    context = ssl.create_default_context(cafile=str(ca / "ca.crt"))
    context.load_cert_chain(ca / "tls.crt", ca / "tls.key")
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        return wrapped.getpeercert(binary_form=True) or b""


def test_certificates_are_renewed_in_place(background: Background, tmp_path: Path) -> None:
    """Without a restart; open streams go on, and half a renewal is none."""
    port, server = free_port(), tmp_path / "xds-server"
    certgen.write(tmp_path, now=datetime.now(UTC), names=["127.0.0.1"])
    made = Serving(background, "--xds-tls", server)
    made.listen = (made.address, f"127.0.0.1:{port}")
    own = credentials(tmp_path / "envoy", tmp_path / "envoy")
    with made, made.channel(made.listen[1], own) as channel, Call(channel, DELTA, delta=True) as call:
        publish(made)
        call.ask("clusters")
        call.answer()
        old, key = shown(port, tmp_path / "envoy"), (server / "tls.key").read_bytes()

        certgen.write(tmp_path, now=datetime.now(UTC), names=["127.0.0.1"])
        new = shown(port, tmp_path / "envoy")
        (server / "tls.key").write_bytes(key)

        assert (old != new, shown(port, tmp_path / "envoy") == new) == (True, True)
        made.program.said("certificates not renewed")
        call.ask("listeners")
        assert call.answer().type_url == URLS["listeners"]


# Sockets, and what keeps a server from starting


def test_the_unix_socket_is_ours_alone(serving: Serving) -> None:
    """Private keys travel on it."""
    found = (serving.folder / "xds").stat()

    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) & 0o077 == 0


def refusal(serving: Serving) -> str:
    """The one line with which it ends by exit code 3; nothing of it is left."""
    serving.launch()
    assert serving.program.exit_code() == 3
    assert serving.program.stdout == []
    lines = [line for line in serving.program.stderr if "Traceback" in line or line.startswith("isoline: ")]
    assert len(lines) == 1, serving.program
    assert "Traceback" not in lines[0]
    assert serving.files() == set()
    return lines[0]


@pytest.fixture
def idle(background: Background) -> Iterator[Serving]:
    """Not started."""
    made = Serving(background)
    yield made
    made.__exit__()


def test_a_socket_in_use_is_refused(own: Serving, idle: Serving) -> None:
    """The one that has it goes on."""
    idle.listen = (own.address,)

    assert re.search(rf"{own.folder}/xds.*in use", refusal(idle))

    with own.channel() as channel:
        assert b"ns/a/80" in called(channel, DELTA, "clusters")


def test_a_port_in_use_is_refused(idle: Serving) -> None:
    """Also one that is held by somebody who would share it."""
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        with socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, option, 1)
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            taken = holder.getsockname()[1]
            idle.listen = (idle.address, f"127.0.0.1:{taken}")

            assert re.search(rf"127.0.0.1:{taken}.*in use", refusal(idle))


@pytest.mark.parametrize("address", ["0.0.0.0", "[::]", "10.1.2.3", "some.name"])  # noqa: S104 - refused
def test_tcp_beyond_loopback_needs_certificates(idle: Serving, address: str) -> None:
    """It says which flag, and what to do instead."""
    idle.listen = (f"{address}:{free_port()}",)

    assert re.search(r"--xds-tls.*unix:", refusal(idle))


@pytest.mark.parametrize("name", ["tls.crt", "tls.key", "ca.crt"])
def test_a_missing_file_of_certificates_is_named(
    idle: Serving, certificates: Path, tmp_path: Path, name: str
) -> None:
    """As it is in the folder."""
    for path in (certificates / "xds-server").iterdir():
        if path.name != name:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    idle.flags = ("--xds-tls", tmp_path)

    assert str(tmp_path / name) in refusal(idle)


@pytest.mark.parametrize("name", ["tls.crt", "tls.key", "ca.crt"])
def test_a_file_that_is_no_certificate_is_named(
    idle: Serving, certificates: Path, tmp_path: Path, name: str
) -> None:
    """Not a port that would be in use."""
    for path in (certificates / "xds-server").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_text("no certificate")
    idle.flags = ("--xds-tls", tmp_path)
    idle.listen = (f"127.0.0.1:{free_port()}",)

    line = refusal(idle)

    assert str(tmp_path) in line
    assert "in use" not in line


@pytest.mark.parametrize("text", ["unix:relative", "localhost", "127.0.0.1:x", "tcp://127.0.0.1:1", ""])
def test_an_address_that_is_none_is_refused(idle: Serving, text: str) -> None:
    """With what is expected."""
    idle.listen = (text,)

    assert re.search(r"expected unix:/PATH or host:port", refusal(idle))


# Peers


def test_a_client_that_comes_before_the_first_table_is_answered_with_it(background: Background) -> None:
    """It waits, and is not told that there is nothing."""
    with (
        Serving(background) as serving,
        serving.channel() as channel,
        Call(channel, DELTA, delta=True) as call,
    ):
        call.ask("clusters")

        publish(serving)

        assert [resource.name for resource in call.answer().resources] == ["ns/a/80"]


@pytest.mark.parametrize("noise", [os.urandom(1000), b"\xff", b"", b"\x0a\xff\xff\xff\xff\x0f"], ids=len)
def test_nonsense_ends_its_own_stream_only(serving: Serving, noise: bytes) -> None:
    """Another stream of the same connection goes on."""
    with serving.channel() as channel, Call(channel, DELTA, delta=True) as good:
        good.ask("clusters")
        good.answer()
        with Call(channel, DELTA, delta=True) as bad:
            bad.send(noise)
            assert bad.code() == grpc.StatusCode.INVALID_ARGUMENT

        good.ask("listeners")
        assert good.answer().type_url == URLS["listeners"]


@pytest.mark.parametrize("method", [DELTA, SOTW])
def test_a_request_without_type_is_told_so(serving: Serving, method: str) -> None:
    """As gRPC's status."""
    with serving.channel() as channel, Call(channel, method, delta=method == DELTA) as call:
        call.send(b"")

        assert call.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_sigterm_ends_it_with_streams_open(own: Serving) -> None:
    """By exit code 0, and its sockets are gone."""
    with own.channel() as channel, Call(channel, DELTA, delta=True) as call:
        call.ask("clusters")
        call.answer()

        own.program.popen.terminate()
        assert own.program.popen.wait(10.0) == 0
        assert call.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    assert own.files() == set()


def test_a_client_that_reads_nothing_stops_nobody(own: Serving) -> None:
    """16 MB wait for it behind HTTP/2's flow control; another is served, and it may end meanwhile."""
    own.put(*(row(f"clusters/large-{number}", "x" * 1_000_000) for number in range(16)))
    with own.channel() as stuck, Call(stuck, DELTA, delta=True) as silent, own.channel() as channel:
        silent.ask("clusters")
        with Call(channel, DELTA, delta=True) as call:
            call.ask("hosts")
            call.answer()
            for content in "234":
                own.put(host("a", content))
                assert content.encode() in call.answer().SerializeToString()
    with own.channel() as channel:
        assert b"a.example.com" in called(channel, DELTA, "hosts")


def test_sigterm_ends_it_though_a_client_reads_nothing(own: Serving) -> None:
    """A response that nobody takes is under way."""
    own.put(*(row(f"clusters/large-{number}", "x" * 1_000_000) for number in range(16)))
    with own.channel() as stuck, Call(stuck, DELTA, delta=True) as silent:
        silent.ask("clusters")
        with own.channel() as channel:
            called(channel, DELTA, "hosts")

        own.program.popen.terminate()

        assert own.program.popen.wait(10.0) == 0


def test_a_request_that_names_very_much_is_read(own: Serving) -> None:
    """100,000 load assignments, 5 MB: more than gRPC's default allows."""
    with own.channel() as channel:
        names = [
            "ns/a/http",
            *(f"namespace-of-some-length/service-{number:06}/http" for number in range(100_000)),
        ]

        assert b"ns/a/http" in called(channel, DELTA, "endpoints", names)


def test_the_aggregated_service_is_the_one_of_the_protocol() -> None:
    """Its name is what Envoy calls."""
    assert ADS == "/envoy.service.discovery.v3.AggregatedDiscoveryService"
