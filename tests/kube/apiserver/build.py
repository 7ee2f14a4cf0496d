"""`python -m tests.kube.apiserver.build`: etcd and kube-apiserver, once for all checkouts of one go.mod."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kube.apiserver.assets import MODULE, PREFIX, Assets, Step, is_needed

# How much of a failed build is shown.
_LINES = 10
_SKIPPED = "; the tests marked `cluster` will be skipped"


def main() -> int:
    """The exit code: 0 unless the binaries cannot be had and somebody insists on them."""
    assets = Assets.here()
    match assets.step:
        case Step.BUILD:
            return _build_once(assets.folder)
        case Step.SKIP:
            _say(assets.why + _SKIPPED)
        case Step.FAIL:
            _say(assets.why)
            return 1
    return 0


def _build_once(folder: Path) -> int:
    """Builds into `folder`, unless another has done so while this one waited for it."""
    with _lock(folder.parent / f"{PREFIX[:-1]}.lock"):
        if Assets.here().step is Step.USE:
            return 0
        version = kubernetes_version()
        _say(f"building kube-apiserver {version} and etcd into {folder}; about ten minutes, this once")
        began = time.monotonic()
        try:
            _build(folder, version)
        except subprocess.CalledProcessError as error:
            needed = is_needed(os.environ)
            _say(*error.stderr.splitlines()[-_LINES:])
            _say("no kube-apiserver: the build failed" + ("" if needed else _SKIPPED))
            return int(needed)
        _say(f"built in {time.monotonic() - began:.0f} s")
        return 0


def _build(folder: Path, version: str) -> None:
    """`folder` is there as a whole or not at all; builds of other versions are gone after it.

    CalledProcessError with Go's words where Go fails.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{PREFIX}new-") as draft:
        made = Path(draft) / "bin"
        _go_build("go.etcd.io/etcd/server/v3", made / "etcd")
        _go_build(
            "k8s.io/kubernetes/cmd/kube-apiserver",
            made / "kube-apiserver",
            f"-X k8s.io/component-base/version.gitVersion={version}",
        )
        # Also what a builder that was killed has left, and this folder if somebody took a file out of it.
        for old in folder.parent.glob(f"{PREFIX}*"):
            if old.is_dir() and old != Path(draft):
                shutil.rmtree(old)
        made.rename(folder)


def _go_build(package: str, output: Path, *linker_flags: str) -> None:
    flags = ["-trimpath", "-buildvcs=false", "-ldflags", " ".join(("-s -w", *linker_flags))]
    # A go.work above this folder would take its modules from somewhere else.
    env = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    command = ["go", "build", *flags, "-o", output, package]
    subprocess.run(command, cwd=MODULE, env=env, stderr=subprocess.PIPE, text=True, check=True)


def kubernetes_version() -> str:
    """As go.mod has it, such as `v1.37.2`."""
    found = re.search(r"^\s*k8s\.io/kubernetes (v\S+)", (MODULE / "go.mod").read_text(), re.MULTILINE)
    assert found, "go.mod names no version of k8s.io/kubernetes"
    return found[1]


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Waits until no other process is inside; a process that dies leaves it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()  # before the ten minutes, also into a pipe


if __name__ == "__main__":
    sys.exit(main())
