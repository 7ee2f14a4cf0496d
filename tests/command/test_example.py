"""The demo's folder: written once, never over what its user has changed, its ports those of its backends."""

import shlex
import socket
from pathlib import Path

import pytest

from isoline.demo.example import BACKENDS, REQUESTS, requests, write
from isoline.manifests import read
from isoline.mistake import Mistake
from isoline.translation import translate
from runtime.start_error import StartError
from translator.settings import Settings

FILES = {"shop.yaml", "docs.yaml", "api.yaml", "fallback.yaml", "backends.yaml", "certificate.yaml"}


def test_it_has_no_problems_and_nothing_that_is_not_read(tmp_path: Path) -> None:
    """Whatever `isoline check` could say."""
    write(tmp_path / "demo", used=())

    manifests = read([str(tmp_path / "demo")])

    assert {Path(path).name for path in manifests.files} == FILES
    assert translate(manifests, Settings(loopback_endpoints="allow")).problems == ()
    assert manifests.ignored == {}


def test_three_hosts_and_a_default_have_paths_of_every_type(tmp_path: Path) -> None:
    """What the README says of it."""
    write(tmp_path, used=())

    hosts = {
        key for key in translate(read([str(tmp_path)]), Settings()).resources if key.startswith("hosts/")
    }

    names = {"api.example.com", "shop.example.com", "*.docs.example.com", "*"}
    assert hosts == {f"hosts/ingress_http/{name}" for name in names} | {"hosts/ingress_https/api.example.com"}
    assert {request.answer for request in REQUESTS} == {*BACKENDS, "301", "404"}


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    """Ports included."""
    first = write(tmp_path, used=())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    second = write(tmp_path, used=())

    assert second == first
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_edited_file_stays_and_is_named(tmp_path: Path) -> None:
    """A file that was removed comes back."""
    write(tmp_path, used=())
    (tmp_path / "shop.yaml").write_text("# mine\n")
    (tmp_path / "docs.yaml").unlink()

    kept = write(tmp_path, used=()).kept

    assert kept == (tmp_path / "shop.yaml",)
    assert (tmp_path / "shop.yaml").read_text() == "# mine\n"
    assert (tmp_path / "docs.yaml").exists()


def test_ports_that_are_taken_are_left_to_their_owner(tmp_path: Path) -> None:
    """By Envoy, or by another program; the slices name those that are used instead."""
    first = write(tmp_path, used=())
    with socket.socket() as other:
        other.bind(("127.0.0.1", first.ports["shop"]))
        other.listen()

        second = write(tmp_path, used=[first.ports["cart"]])

    assert not set(second.ports.values()) & {first.ports["shop"], first.ports["cart"]}
    text = (tmp_path / "backends.yaml").read_text()
    assert all(f"port: {port}\n" in text for port in second.ports.values())
    assert second.kept == ()


def test_ports_that_were_edited_are_used(tmp_path: Path) -> None:
    """The backends go where the slices lead."""
    ports = write(tmp_path, used=()).ports
    services = tmp_path / "backends.yaml"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = services.read_text()
    services.write_text("# mine\n" + text.replace(f"port: {ports['shop']}", f"port: {port}"))

    example = write(tmp_path, used=())

    assert example.ports == {**ports, "shop": port}
    assert example.kept == (services,)
    assert services.read_text().startswith("# mine\n")


def test_edited_ports_that_cannot_be_had_are_told(tmp_path: Path) -> None:
    """The file is its user's, so its user changes it."""
    ports = write(tmp_path, used=()).ports
    services = tmp_path / "backends.yaml"
    services.write_text("# mine\n" + services.read_text())

    with pytest.raises(StartError, match=rf"backends\.yaml: port {ports['cart']} of cart is in use"):
        write(tmp_path, used=[ports["cart"]])

    services.write_text("# nothing is left\n")
    with pytest.raises(Mistake, match=r"backends\.yaml: EndpointSlice shop-1 has no port; remove the file"):
        write(tmp_path, used=())


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """In one line that names it."""
    (tmp_path / "file").touch()

    with pytest.raises(Mistake, match=r"file/demo: Not a directory; name another folder"):
        write(tmp_path / "file" / "demo", used=())


def test_every_request_is_a_line_for_a_shell(tmp_path: Path) -> None:
    """Of its own, after a line that says who answers."""
    lines = list(requests(write(tmp_path, used=()), "127.0.0.1:8080", "127.0.0.1:8443"))

    curls = [shlex.split(line) for line in lines if line.strip().startswith("curl")]
    assert len(curls) == len(REQUESTS)
    host, url = "Host: shop.example.com", "http://127.0.0.1:8080/cart/items"
    assert curls[1] == ["curl", "--noproxy", "*", "-H", host, url]
    assert lines[lines.index("the longer path of that host: cart answers") + 1].strip().startswith("curl")


def test_the_certificate_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """Removed, it comes back with another key."""
    write(tmp_path, used=())
    path = tmp_path / "certificate.yaml"
    first = path.read_text()

    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    write(tmp_path, used=())
    assert path.read_text() != first


def test_a_request_over_https_names_its_host_in_the_handshake(tmp_path: Path) -> None:
    """So curl is told where the host is, instead of a Host header."""
    line = next(
        line for line in requests(write(tmp_path, used=()), "[::1]:80", "[::1]:443") if "https:" in line
    )

    resolve = "api.example.com:443:[::1]"
    words = ["curl", "--noproxy", "*", "-k", "--resolve", resolve, "https://api.example.com:443/status"]
    assert shlex.split(line) == words
