"""What a tool tells of a cluster that it cannot read."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from watcher.cluster.access import Access
from watcher.cluster.fetch import FetchError, fetch


class Refusing(ThreadingHTTPServer):
    """Forbids everything: at once, but Ingresses after this many seconds."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        self.late = 0.0
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), Answer)


class Answer(BaseHTTPRequestHandler):
    server: Refusing

    def do_GET(self) -> None:
        resource = self.path.partition("?")[0].rpartition("/")[2]
        if resource == "ingresses":
            self.server.closing.wait(self.server.late)
        body = json.dumps({"kind": "Status", "message": f"{resource} is forbidden"}).encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Refusing]:
    with Refusing() as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.05,))
        thread.start()
        yield serving
        serving.closing.set()
        serving.shutdown()
        thread.join()


@pytest.mark.parametrize(("late", "told"), [(0.3, "ingresses"), (30.0, "services")])
async def test_the_first_of_what_is_forbidden_is_told(
    server: Refusing, tmp_path: Path, late: float, told: str
) -> None:
    """By the order of the sources, whichever answer comes first; one that does not come is not waited for."""
    server.late = late
    content = {
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "contexts": [{"name": "dev", "context": {"cluster": "c"}}],
        "current-context": "dev",
    }
    (tmp_path / "config").write_text(json.dumps(content))

    with pytest.raises(FetchError, match=f"^403: {told} is forbidden; name the namespaces"):
        await fetch(Access.of_kubeconfig(str(tmp_path / "config")))
