"""The example folder: its manifests, the ports of its backends, and requests to try."""

import shlex
import socket
import string
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from isoline.demo import certificate
from isoline.mistake import Mistake
from runtime.start_error import StartError
from watcher.files.manifests import parse

MANIFESTS = Path(__file__).parent / "manifests"
SERVICES = "backends.yaml"
CERTIFICATE, SECURE = "certificate.yaml", "api.example.com"
BACKENDS = ("shop", "cart", "docs")
# Below the ports that the kernel gives to outgoing connections.
FIRST_PORT, LAST_PORT = 9101, 9999


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask, who answers (or the status that does), and why."""

    host: str
    path: str
    answer: str
    why: str
    scheme: str = "http"


REQUESTS = (
    Request("shop.example.com", "/", "shop", "a host"),
    Request("shop.example.com", "/cart/items", "cart", "the longer path of that host"),
    Request("en.docs.example.com", "/v2/intro", "docs", "a wildcard host, and a path by regular expression"),
    Request("en.docs.example.com", "/latest", "404", "a known host, but no path of it"),
    Request(SECURE, "/status", "301", "a redirect to HTTPS"),
    Request(SECURE, "/status", "cart", "exactly this path, over HTTPS", "https"),
    Request("nobody.example.com", "/", "docs", "the default backend, for hosts that nobody names"),
)


@dataclass(frozen=True, slots=True)
class Example:
    """An example folder as it is written; `ports` of the backends by name, `kept` files that were edited."""

    folder: Path
    ports: Mapping[str, int]
    kept: tuple[Path, ...]


def write(folder: Path, used: Collection[int]) -> Example:
    """Writes what is missing in the folder, and never over a file that was edited.

    Backends get ports beside those that are `used`; the ones that stand in the folder, if they can be had.
    Raises Mistake and StartError when that cannot be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ports, theirs = _ports(folder / SERVICES, used)
        kept = [folder / SERVICES] if theirs else []
        for manifest in sorted(MANIFESTS.glob("*.yaml")):
            path = folder / manifest.name
            text = manifest.read_text()
            if manifest.name == SERVICES:
                if not theirs:
                    path.write_text(string.Template(text).substitute(ports))
            elif not path.exists():
                path.write_text(text)
            elif path.read_text(errors="replace") != text:
                kept.append(path)
        _write_certificate(folder / CERTIFICATE)
    except OSError as error:
        raise Mistake(f"{error.filename or folder}: {error.strerror}; name another folder") from error
    return Example(folder, ports, tuple(kept))


def requests(example: Example, http: str, https: str) -> Iterator[str]:
    """Lines that show what to try; each that starts with `curl` works when pasted. `http` and `https` are
    where Envoy listens, `127.0.0.1:8080`.
    """
    yield ""
    for request in REQUESTS:
        answer = request.answer if request.answer.isdigit() else f"{request.answer} answers"
        yield f"{request.why}: {answer}"
        yield f"    {_curl(request, https if request.scheme == 'https' else http)}"
    yield ""
    yield f"Edit {example.folder / 'shop.yaml'} and ask again. Ctrl-C ends everything."


def _curl(request: Request, address: str) -> str:
    """`--noproxy`: a proxy that the environment names would be asked for 127.0.0.1 of its own. `-k`: nobody
    but this folder knows the certificate.
    """
    words = ["curl", "--noproxy", "*", *(["-i"] if request.answer.isdigit() else [])]
    if request.scheme == "https":
        ip, _, port = address.rpartition(":")
        words += ["-k", "--resolve", f"{request.host}:{port}:{ip}"]
        return shlex.join([*words, f"https://{request.host}:{port}{request.path}"])
    return shlex.join([*words, "-H", f"Host: {request.host}", f"http://{address}{request.path}"])


def _write_certificate(path: Path) -> None:
    """Once, as only its owner may read it."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(certificate.manifest("api", SECURE))


def _ports(services: Path, used: Collection[int]) -> tuple[dict[str, int], bool]:
    """The ports of the backends, and whether they are those of a file that was edited."""
    if services.exists():
        written = _written(services)
        text = string.Template((MANIFESTS / SERVICES).read_text())
        unedited = len(written) == len(BACKENDS) and text.substitute(written) == services.read_text()
        if not unedited and len(written) < len(BACKENDS):
            missing = next(name for name in BACKENDS if name not in written)
            raise Mistake(
                f"{services}: EndpointSlice {missing}-1 has no port; remove the file to get a new one"
            )
        if all(_is_free(port) and port not in used for port in written.values()):
            return written, not unedited
        if not unedited:
            name, port = next((n, p) for n, p in written.items() if p in used or not _is_free(p))
            raise StartError(
                f"{services}: port {port} of {name} is in use; write another, or remove the file"
            )
    free = (port for port in range(FIRST_PORT, LAST_PORT + 1) if port not in used and _is_free(port))
    found = dict(zip(BACKENDS, free, strict=False))
    if len(found) < len(BACKENDS):
        raise StartError(f"no free port from {FIRST_PORT} to {LAST_PORT} for the example backends")
    return found, False


def _written(services: Path) -> dict[str, int]:
    rows = parse(str(services), services.read_bytes()).objects
    ports = {}
    for name in BACKENDS:
        row = rows.get(f"EndpointSlice/default/{name}-1")
        listed = orjson.loads(row.body).get("ports") if row is not None else None
        port = (
            listed[0].get("port")
            if isinstance(listed, list) and listed and isinstance(listed[0], dict)
            else None
        )
        if isinstance(port, int) and 0 < port < 1 << 16:
            ports[name] = port
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True
