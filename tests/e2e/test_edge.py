"""What an edge owes to those behind it: odd requests, asked of a real Envoy byte by byte."""

import gzip
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import h2.settings
import httpx
import pytest

from tests.support.backend import Backend
from tests.support.background import Background
from tests.support.manifest import Folder, ingress, path, rule, served
from tests.support.up import Up

pytestmark = [pytest.mark.envoy, pytest.mark.process]

HOST = "shop.example.com"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, background: Background) -> Iterator[Up]:
    """One `isoline up` with one host: `/` leads to a backend, `/grpc` to one that speaks HTTP/2."""
    folder = Folder(tmp_path_factory.mktemp("up") / "manifests")
    with Backend(background, "a") as plain, Backend(background, "grpc", h2c=True) as grpc:
        item = ingress("web", rule(HOST, path("/", "a"), path("/grpc", "grpc")))
        folder.write(
            "web.yaml",
            item,
            *served("a", plain),
            *served("grpc", grpc, app_protocol="kubernetes.io/h2c"),
        )
        with Up(Path(folder.root)) as running:
            running.becomes("a", HOST)
            running.becomes("grpc", HOST, "/grpc")
            yield running


def raw(up: Up, *lines: str, body: str = "") -> str:
    """The whole answer to a request of these lines, as it came."""
    with socket.create_connection(("127.0.0.1", up.http_port), timeout=20) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1"))
        pieces = []
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces).decode("latin-1")


def status(answer: str) -> int:
    """The status of the first answer."""
    return int(answer.split(" ", 2)[1])


def ask(up: Up, target: str = "/", **headers: str) -> httpx.Response:
    """A request over HTTP/1.1; `x_a` is the header `x-a`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.Client(trust_env=False, timeout=20.0) as client:
        extensions = {"target": target.encode()}
        return client.get(f"{up.url}/", headers={"host": HOST, **named}, extensions=extensions)


def ask_http2(up: Up, target: str = "/") -> httpx.Response:
    """The same over HTTP/2."""
    with httpx.Client(http1=False, http2=True, trust_env=False, timeout=20.0) as client:
        return client.get(f"{up.url}/", headers={"host": HOST}, extensions={"target": target.encode()})


@pytest.mark.parametrize("get", [ask, ask_http2], ids=["HTTP/1.1", "HTTP/2"])
@pytest.mark.parametrize(
    ("target", "to"),
    [
        ("/a%2Fb", "/a/b"),
        ("/a%2fb?x=%2F", "/a/b?x=%2F"),
        ("/a%5Cb", "/a/b"),
        ("/public%2f..%2fadmin", "/admin"),
    ],
)
def test_an_escaped_slash_is_answered_by_a_redirect_to_what_it_means(
    up: Up, get: Callable[[Up, str], httpx.Response], target: str, to: str
) -> None:
    """So that no two machines read one path in two ways."""
    answer = get(up, target)

    assert (answer.status_code, answer.headers["location"]) == (307, to)


@pytest.mark.parametrize("get", [ask, ask_http2], ids=["HTTP/1.1", "HTTP/2"])
@pytest.mark.parametrize(
    ("target", "seen"),
    [
        ("//foo", "/foo"),
        ("/foo///bar//", "/foo/bar/"),
        ("/a/../foo", "/foo"),
        ("/a/%2e%2e/foo", "/foo"),
        ("/a/%2E./foo", "/foo"),
        ("/a/./foo", "/a/foo"),
        ("/../../etc/passwd", "/etc/passwd"),
        ("/foo?x=//../y", "/foo?x=//../y"),
        ("/a%20b", "/a%20b"),
    ],
)
def test_a_path_is_made_plain_before_any_rule_is_asked(
    up: Up, get: Callable[[Up, str], httpx.Response], target: str, seen: str
) -> None:
    """Dots and double slashes, escaped or not; what comes after the question mark is not looked at."""
    answer = get(up, target)

    assert (answer.json()["path"] if answer.status_code == 200 else str(answer.status_code)) == seen


def test_headers_with_underscores_are_dropped(up: Up) -> None:
    """A backend may read `x_forwarded_for` as `x-forwarded-for`."""
    answer = raw(up, "GET / HTTP/1.1", f"Host: {HOST}", "Connection: close", "x_evil: 1", "x-good: 1")

    assert status(answer) == 200
    assert '"x-good": "1"' in answer
    assert "x_evil" not in answer


SMUGGLED = [
    ("Content-Length: 6", "Transfer-Encoding: chunked"),
    ("Transfer-Encoding: chunked", "Content-Length: 6"),
    ("Content-Length: 5", "Content-Length: 6"),
    ("Content-Length: +6",),
    ("Transfer-Encoding: xchunked",),
    ("Transfer-Encoding: chunked, identity",),
    ("Transfer-Encoding : chunked",),
    ("X-A: 1\0",),
    ("X A: 1",),
]


@pytest.mark.parametrize("headers", SMUGGLED, ids=repr)
def test_a_request_whose_length_is_in_doubt_is_refused_and_the_connection_closed(
    up: Up, headers: tuple[str, ...]
) -> None:
    """What follows it is never read as a request of its own."""
    answer = raw(
        up, "POST / HTTP/1.1", f"Host: {HOST}", *headers, body="0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"
    )

    assert status(answer) in {400, 501}
    assert answer.count("HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["GET / HTTP/1.1"], 400),
        (["GET / HTTP/1.1", f"Host: {HOST}", "Host: other.com", "Connection: close"], 404),
        (["GET / HTTP/1.1", f"Host: {HOST}", "Connection: close", *(f"X-{at}: a" for at in range(101))], 431),
        (["GET / HTTP/1.0", f"Host: {HOST}"], 200),
        (["GET / HTTP/1.0"], 400),
    ],
    ids=[
        "no host",
        "two hosts",
        "many headers",
        "HTTP/1.0",
        "1.0 without host",
    ],
)
def test_a_request_names_one_host_and_has_at_most_100_headers(up: Up, lines: list[str], code: int) -> None:
    """Two Hosts are one that nobody knows; HTTP/1.0 is accepted, with a Host."""
    assert status(raw(up, *lines)) == code


def test_headers_have_60_kib(up: Up) -> None:
    """Envoy's own bound; more are answered by 431, or their stream is reset."""
    assert ask(up, x_a="a" * 59_000).status_code == 200
    assert ask(up, x_a="a" * 62_000).status_code == 431


def test_the_start_of_a_request_is_ours_to_tell_and_its_id_the_client_s(up: Up) -> None:
    """`x-request-start` is overwritten; `x-request-id` is kept, and made where there is none."""
    said = ask(up, x_request_start="t=1", x_request_id="mine").json()["headers"]
    made = ask(up).json()["headers"]

    assert re.fullmatch(r"t=\d{10}\.\d{3}", said["x-request-start"])
    assert said["x-request-id"] == "mine"
    assert len(made["x-request-id"]) == 36


def test_a_client_cannot_say_who_it_is(up: Up) -> None:
    """An address that we saw comes last in X-Forwarded-For, and the protocol is what it spoke to us."""
    said = ask(up, x_forwarded_for="1.2.3.4", x_forwarded_proto="https").json()["headers"]

    first, last = said["x-forwarded-for"].split(",")
    assert (first, last != first) == ("1.2.3.4", True)
    assert said["x-forwarded-proto"] == "http"


@pytest.mark.parametrize(
    ("accepted", "chosen"), [("gzip", "gzip"), ("br", "br"), ("zstd", "zstd"), ("identity", None)]
)
def test_answers_are_compressed_as_the_client_asks(up: Up, accepted: str, chosen: str | None) -> None:
    """JSON of more than 30 bytes, as Envoy's compressors choose."""
    with (
        httpx.Client(trust_env=False) as client,
        client.stream("GET", up.url, headers={"host": HOST, "accept-encoding": accepted}) as answer,
    ):
        body = b"".join(answer.iter_raw())

    assert answer.headers.get("content-encoding") == chosen
    assert answer.status_code == 200
    assert chosen != "gzip" or b'"backend": "a"' in gzip.decompress(body)


def test_grpc_web_becomes_grpc(up: Up) -> None:
    """What the backend sees is gRPC over HTTP/2."""
    with httpx.Client(trust_env=False, timeout=20.0) as client:
        headers = {"host": HOST, "content-type": "application/grpc-web", "accept-encoding": "identity"}
        answer = client.post(f"{up.url}/grpc", headers=headers, content=b"\0\0\0\0\0")

    assert answer.headers["content-type"].startswith("application/grpc")
    assert '"protocol": "HTTP/2"' in answer.headers["grpc-message"]  # what the backend says of the request
    assert '"content-type": "application/grpc"' in answer.headers["grpc-message"]


def test_a_connection_may_have_100_streams_at_a_time(up: Up) -> None:
    """So Envoy says in its first settings, and a stream's window is 64 KiB."""
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    connection.initiate_connection()
    with socket.create_connection(("127.0.0.1", up.http_port), timeout=20) as wire:
        wire.sendall(connection.data_to_send())
        events: list[h2.events.Event] = []
        while not any(isinstance(event, h2.events.RemoteSettingsChanged) for event in events):
            events += connection.receive_data(wire.recv(65536))

    assert connection.remote_settings.max_concurrent_streams == 100
    assert connection.remote_settings.initial_window_size == 65536


def test_a_websocket_is_only_opened_where_it_was_asked_for(up: Up) -> None:
    """403, and nothing of it reaches the backend."""
    answer = raw(
        up,
        "GET / HTTP/1.1",
        f"Host: {HOST}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )

    assert status(answer) == 403


def test_the_access_log_is_json_whatever_a_client_sends(up: Up) -> None:
    """A line break in a header is no line of the log; each line has the route's Ingress."""
    ask(up, "/logged", user_agent='"}\t{"status":1')

    logged = next(log for log in up.run_dir.rglob("*access*") if log.is_file())
    lines = _lines(logged)

    assert lines[0]["route"] == "Ingress/default/web"
    assert lines[0]["user_agent"] == '"}\t{"status":1'


def _lines(logged: Path) -> list[dict[str, object]]:
    import json  # noqa: PLC0415 - here alone

    from tests.support.deadline import wait_until  # noqa: PLC0415

    def found() -> list[dict[str, object]]:
        read = [json.loads(line) for line in logged.read_text().splitlines()]
        return [line for line in read if line["path"] == "/logged"]

    return wait_until(found, "the request is logged")
