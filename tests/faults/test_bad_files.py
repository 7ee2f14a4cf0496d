"""A file that cannot be read is one clear line; all else is served, and it too keeps what it last had."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import HOST
from tests.support.backend import Backend
from tests.support.background import Background
from tests.support.manifest import Folder, ingress, path, rule, served
from tests.support.program import Program
from tests.support.up import ISOLINE, Up

pytestmark = [pytest.mark.envoy, pytest.mark.process]

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
BAD: dict[str, bytes] = {
    "large": b"# " + b"x" * 98 + b"\n" * 1 + b"a: " + b"y" * 50_000_000,
    "bomb": BOMB.encode(),
    "binary": bytes(range(256)) * 100,
    "half": b"kind: Ingress\nmetadata: {name: web",
    "deep": b"[" * 100_000,
    "latin": "kind: Käse\n".encode("latin-1"),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, background: Background) -> Iterator[tuple[Up, Folder]]:
    """HOST is answered by `a`, all from `good.yaml`."""
    folder = Folder(tmp_path_factory.mktemp("files") / "manifests")
    with Backend(background, "a") as a:
        folder.write("good.yaml", ingress("web", rule(HOST, path("/", "a"))), *served("a", a))
        with Up(folder.root) as up:
            up.becomes("a", HOST)
            yield up, folder


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_read_is_told_and_its_neighbours_are_served(
    shop: tuple[Up, Folder], name: str
) -> None:
    """A line names it; an edit of another file works while it is there."""
    up, folder = shop
    folder.write_text(f"{name}.yaml", BAD[name])
    up.program.said(rf"^File {name}\.yaml: \w+: .+")

    folder.write("other.yaml", ingress(name, rule(f"{name}.example.com", path("/", "a"))))

    up.becomes("a", f"{name}.example.com")
    assert up.answers(HOST) == "a"
    folder.remove(f"{name}.yaml")
    up.program.said(rf"^resolved: File {name}\.yaml: ")


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_turns_bad_keeps_what_it_had(shop: tuple[Up, Folder], name: str) -> None:
    """And serves what is in it once it is good again."""
    up, folder = shop
    good = (folder.root / "good.yaml").read_bytes()
    seen = len(up.program.stderr)
    folder.write_text("good.yaml", BAD[name])
    up.program.said(r"^File good\.yaml: \w+: .+", after=seen)

    assert up.answers(HOST) == "a"

    folder.write_text("good.yaml", good)
    up.program.said(r"^resolved: File good\.yaml: ", after=seen)
    assert up.answers(HOST) == "a"


@pytest.mark.parametrize("name", BAD)
def test_check_names_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    """Exit code 1: the answer is no."""
    file = tmp_path / f"{name}.yaml"
    file.write_bytes(BAD[name])
    with Program([ISOLINE, "check", file]) as program:
        assert program.exit_code() == 1, program
        assert [line.split(": ")[0] for line in program.stdout] == [f"File {file}"]
        assert not any("Traceback" in line for line in program.stderr)


def test_what_is_no_file_does_not_stop_the_watcher(shop: tuple[Up, Folder]) -> None:
    """A named pipe that nobody writes, a link to itself, a folder called like a file, a link to nowhere."""
    up, folder = shop
    os.mkfifo(folder.root / "pipe.yaml")
    (folder.root / "loop.yaml").symlink_to("loop.yaml")
    (folder.root / "gone.yaml").symlink_to("nowhere")
    (folder.root / "folder.yaml").mkdir()

    folder.write("other.yaml", ingress("other", rule("other.example.com", path("/", "a"))))

    up.becomes("a", "other.example.com")
    for name in ("pipe", "loop", "gone"):
        (folder.root / f"{name}.yaml").unlink()


def test_an_object_of_a_wrong_shape_does_not_stop_the_translator(
    shop: tuple[Up, Folder], backend: Callable[..., Backend]
) -> None:
    """Each field in turn is a thing that it cannot be; the good Ingress beside it is served."""
    up, folder = shop
    good = ingress("shape", rule("shape.example.com", path("/", "shape")))
    specs: list[object] = [{"rules": 7}, {"rules": [None]}, [], "x", {"tls": {"a": 1}}, None]
    wrong = [{**good, "metadata": {"name": f"wrong-{n}"}, "spec": spec} for n, spec in enumerate(specs)]
    texts = [json.dumps(item) for item in [*wrong, good, *served("shape", backend("shape"))]]
    folder.write_text("shape.yaml", "\n---\n".join(texts))

    up.becomes("shape", "shape.example.com")
    up.program.said(r"^Ingress default/wrong-0: InvalidField: .*shape\.yaml:\d+\)")
