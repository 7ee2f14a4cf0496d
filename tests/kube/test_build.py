"""What is done about the API server's binaries; nothing is built here."""

import sys
from pathlib import Path

import pytest

from tests.kube.apiserver import build
from tests.kube.apiserver.assets import NAMES, Assets, Step, digest
from tests.support.program import Program

# Stand for Go: one fails, one makes the file that `-o` names and notes it.
FAILS = "echo 'module lookup disabled' >&2; exit 1"
BUILDS = """
while [ "$1" != -o ]; do shift; done
/bin/mkdir -p "${2%/*}" && echo '#!' > "$2" && /bin/chmod 700 "$2" && echo "${2##*/}" >> "$XDG_CACHE_HOME/log"
"""
LACKS = "no kube-apiserver: set KUBEBUILDER_ASSETS, or install Go"


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, no Go, nobody insists."""
    for name in ("CI", "ISOLINE_NEED_APISERVER", "KUBEBUILDER_ASSETS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))


def put(folder: Path, name: str, script: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o700)


@pytest.mark.parametrize("variable", ["CI", "ISOLINE_NEED_APISERVER"])
def test_without_binaries_and_go_the_tests_are_skipped_unless_somebody_insists(
    variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, which says what to do."""
    assert build.main() == 0
    assert capsys.readouterr().out == f"{LACKS}; the tests marked `cluster` will be skipped\n"

    monkeypatch.setenv(variable, "1")

    assert build.main() == 1
    assert capsys.readouterr().out == f"{LACKS}\n"


def test_binaries_that_are_named_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before what Go could build; a folder that lacks one of the two is a mistake, not a lack."""
    put(tmp_path / "path", "go", FAILS)
    put(tmp_path / "given", "etcd")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "given"))

    assert build.main() == 1
    assert (
        capsys.readouterr().out
        == f"KUBEBUILDER_ASSETS={tmp_path}/given has not both of etcd, kube-apiserver\n"
    )

    put(tmp_path / "given", "kube-apiserver")

    assert build.main() == 0
    assert capsys.readouterr().out == ""
    assert Assets.here() == Assets(Step.USE, tmp_path / "given")


def test_a_build_that_fails_leaves_nothing_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With Go's words; it fails what insists on it alone."""
    put(tmp_path / "path", "go", FAILS)

    assert build.main() == 0
    assert capsys.readouterr().out.endswith(
        "module lookup disabled\n"
        "no kube-apiserver: the build failed; the tests marked `cluster` will be skipped\n"
    )

    monkeypatch.setenv("CI", "1")

    assert build.main() == 1
    assert Assets.here().step is Step.BUILD
    assert [path.name for path in (tmp_path / "isoline").iterdir()] == ["apiserver.lock"]


def test_two_builders_at_once_build_once(tmp_path: Path) -> None:
    """And what older checkouts or killed builders have left is gone."""
    put(tmp_path / "path", "go", BUILDS)
    put(tmp_path / "isoline" / "apiserver-0123456789abcdef", "etcd")
    command = [sys.executable, "-m", "tests.kube.apiserver.build"]

    with Program(command) as one, Program(command) as other:
        codes = one.exit_code(), other.exit_code()

    assert codes == (0, 0)
    assert (tmp_path / "log").read_text().split() == ["etcd", "kube-apiserver"]
    assert sorted(len(program.stdout) for program in (one, other)) == [0, 2]
    folder = tmp_path / "isoline" / f"apiserver-{digest()}"
    assert {path.name for path in folder.iterdir()} == set(NAMES)
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, "apiserver.lock"}


def test_the_version_is_that_of_go_mod() -> None:
    """Else the server would call itself `v0.0.0-master`."""
    assert build.kubernetes_version().startswith("v1.")
