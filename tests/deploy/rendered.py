"""deploy/ as kustomize renders it, with certificates of its own."""

import functools
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import yaml

from isoline import certgen
from tests.deploy.container import ROOT
from tests.deploy.objects import Objects
from tests.kube.kubectl import KUBECTL

# Folders of deploy/ that are applied: with rights in the whole cluster, and in named namespaces alone.
CLUSTER_WIDE, NAMESPACED = ".", "namespaced"
VARIANTS = (CLUSTER_WIDE, NAMESPACED)


def copy(folder: Path) -> Path:
    """Makes `folder` a copy of deploy/ with certificates; the same."""
    shutil.copytree(ROOT / "deploy", folder, ignore=shutil.ignore_patterns("certs"))
    certgen.write(folder / "base" / "certs", now=datetime.now(UTC))
    return folder


@functools.cache
def rendered(variant: str = CLUSTER_WIDE) -> Objects:
    """What `kubectl kustomize` makes of a copy."""
    with tempfile.TemporaryDirectory() as folder:
        return render(copy(Path(folder, "deploy")) / variant)


def render(folder: Path) -> Objects:
    """What it makes of this folder."""
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Objects(list(yaml.safe_load_all(done.stdout)))
