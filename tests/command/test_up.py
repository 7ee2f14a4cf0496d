"""`isoline up`: what it says on stdout and stderr, and what it leaves behind. (Its faults: tests/faults.)"""

import json
import re
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.ads import AdsClient
from tests.support.backend import Backend
from tests.support.deadline import wait_until
from tests.support.manifest import Folder, ingress, path, rule, served
from tests.support.port import free_port
from tests.support.program import Program
from tests.support.up import ISOLINE, Up

pytestmark = [pytest.mark.envoy, pytest.mark.process]

HOST = "shop.example.com"
WEB = ingress("web", rule(HOST, path("/", "a")))


@pytest.fixture
def up(folder: Folder, backend: Callable[..., Backend]) -> Iterator[Up]:
    """HOST is answered by `a`, all from `web.yaml`."""
    folder.write("web.yaml", WEB, *served("a", backend("a")))
    with Up(folder.root) as running:
        yield running


def test_ready_is_the_only_line_of_stdout_and_is_true(up: Up) -> None:
    """Not one request too early, nor does an access log come in between."""
    assert up.answers(HOST) == "a"
    assert up.answers("nobody.example.com") == "404"

    up.program.terminate()

    line = f"ready http=127.0.0.1:{up.http_port} https=127.0.0.1:{up.https_port}"
    assert up.program.stdout == [line]


def test_a_change_is_one_line_on_stderr(up: Up, folder: Folder) -> None:
    """What changed, resources and bytes sent, time until Envoy acknowledged it."""
    folder.write("more.yaml", ingress("more", rule("more.example.com", path("/", "a"))))

    pattern = r"^hosts/ingress_http/more\.example\.com: 1 resource, (\d+) bytes, acknowledged after \d+ ms$"
    assert int(up.program.said(pattern)[1]) < 1000


def test_a_problem_is_one_line_on_stderr_and_one_when_it_goes(up: Up, folder: Folder) -> None:
    """In the form of `isoline check`; the path is relative to the folder."""
    folder.write_text("sub.yaml", json.dumps(ingress("sub", rule("x.example.com", path("/", "b"))), indent=1))
    message = 'path / names Service "b", which does not exist'
    line = f"Ingress default/sub: ServiceNotFound: {message} (sub.yaml:19)"
    up.program.said(f"^{re.escape(line)}$")

    folder.remove("sub.yaml")

    up.program.said(f"^resolved: {re.escape(line)}$")
    assert [told for told in up.program.stderr if told == line] == [line]


def test_requests_are_logged_in_the_run_directory(up: Up) -> None:
    """A line of JSON for each; where, is said on stderr."""
    log = up.run_dir / "access.log"
    up.program.said(f"^requests are logged in {log}$")
    up.get(HOST, "/x?secret=1")

    wait_until(lambda: log.read_text().count("\n"), "a line in the access log", of=[up.program])
    assert json.loads(log.read_text().splitlines()[0])["path"] == "/x?secret=1"


def test_its_envoy_shows_readiness_and_statistics_at_the_stats_port(up: Up) -> None:
    """And nothing else."""
    url = f"http://127.0.0.1:{up.stats_port}"

    assert httpx.get(f"{url}/ready", trust_env=False).text == "LIVE\n"
    assert "envoy_cluster_upstream_rq" in httpx.get(f"{url}/stats/prometheus", trust_env=False).text
    assert httpx.get(f"{url}/config_dump", trust_env=False).status_code == 404


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda n: n.name)
def test_a_temporary_run_directory_is_gone_at_the_end(folder: Folder, number: signal.Signals) -> None:
    """Whoever ends it, within 10 s; the exit code is 0."""
    ports = [word for n in ("http", "https", "stats") for word in (f"--{n}-port", str(free_port()))]
    with Program([ISOLINE, "up", folder.root, *ports]) as program:
        log = Path(program.said(r"^requests are logged in (.*)$")[1])
        family = program.family()
        assert log.is_relative_to(tempfile.gettempdir())

        program.popen.send_signal(number)

        program.popen.wait(10.0)
        assert (program.exit_code(), log.parent.exists()) == (0, False)
        assert [child for child in family if child.is_running()] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_a_signal_while_it_starts_leaves_no_run_directory(folder: Folder, number: signal.Signals) -> None:
    """Before anything is started, too; the exit code is 0."""
    with tempfile.TemporaryDirectory(prefix="t-") as temporary:
        ports = [word for n in ("http", "https", "stats") for word in (f"--{n}-port", str(free_port()))]
        command = [ISOLINE, "up", folder.root, "--no-envoy", *ports]
        with Program(command, {"TMPDIR": temporary}) as program:
            wait_until(lambda: any(Path(temporary).iterdir()), "a run directory", of=[program])
            program.popen.send_signal(number)
            assert program.exit_code() == 0

        assert list(Path(temporary).iterdir()) == []


def test_ports_may_come_from_the_environment(folder: Folder) -> None:
    """As every flag."""
    ports = {f"ISOLINE_{name}_PORT": str(free_port()) for name in ("HTTP", "HTTPS", "STATS")}
    with Program([ISOLINE, "up", folder.root], ports) as program:
        http, https = ports["ISOLINE_HTTP_PORT"], ports["ISOLINE_HTTPS_PORT"]

        program.said(f"^ready http=127.0.0.1:{http} https=127.0.0.1:{https}$")


def test_without_envoy_others_connect(folder: Folder) -> None:
    """`ready xds=ADDRESS`, once the server is synced; no port of Envoy's matters."""
    folder.write("web.yaml", WEB)
    with Up(folder.root, envoy=False) as up, AdsClient(f"unix:{up.run_dir}/xds") as client:
        assert up.program.stdout == [f"ready xds=unix:{up.run_dir}/xds"]
        wait_until(lambda: client.held["hosts"] or client.held["routes"], "hosts", of=[up.program])


def test_further_clients_have_an_address_of_their_own(folder: Folder) -> None:
    """In clear on loopback, beside that of the Envoy that was started."""
    folder.write("web.yaml", WEB)
    address = f"127.0.0.1:{free_port()}"
    with Up(folder.root, "--xds-listen", address) as up, AdsClient(address) as client:
        both = {"ingress_http", "ingress_https"}
        wait_until(lambda: set(client.held["listeners"]) == both, "listeners", of=[up.program])


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("0.0.0.0:18000", "is reached from other machines: give --xds-tls DIR"),
        ("nowhere", "expected unix:/PATH or host:port"),
    ],
)
def test_an_address_for_everybody_needs_certificates(folder: Folder, address: str, told: str) -> None:
    """Exit code 2, before anything is started."""
    with Program([ISOLINE, "up", folder.root, "--xds-listen", address]) as program:
        assert program.exit_code() == 2
        assert len(program.stderr) == 1
        assert program.stderr[0].startswith(f"isoline: --xds-listen {address}")
        assert told in program.stderr[0]


def test_an_xds_address_in_use_is_told(folder: Folder, up: Up) -> None:
    """Exit code 3."""
    address = f"127.0.0.1:{up.http_port}"
    with Program([ISOLINE, "up", folder.root, "--no-envoy", "--xds-listen", address]) as program:
        assert program.exit_code() == 3
        told = f"port {up.http_port} of 127.0.0.1 is in use; choose another with --xds-listen"
        assert program.stderr == [f"isoline: {told} or ISOLINE_XDS_LISTEN"]
