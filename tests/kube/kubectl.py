"""kubectl, as PyPI has it."""

import os
import subprocess
import sys
from pathlib import Path

KUBECTL = Path(sys.executable).with_name("kubectl")


class KubectlError(Exception):
    """kubectl failed; the text is its stderr."""


def kubectl(*words: str | Path, kubeconfig: Path, stdin: str = "") -> str:
    """What it prints on stdout; its cache lies beside the kubeconfig. KubectlError where it fails."""
    env = {**os.environ, "KUBECONFIG": str(kubeconfig), "KUBECACHEDIR": str(kubeconfig.with_suffix(".cache"))}
    command = [KUBECTL, *words]
    done = subprocess.run(
        command, env=env, input=stdin, capture_output=True, text=True, timeout=60.0, check=False
    )
    if done.returncode != 0:
        raise KubectlError(done.stderr)
    return done.stdout
