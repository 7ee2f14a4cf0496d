"""The mount namespace that tests run a pod's process in."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.deploy import mount_namespace

TARGET = "/var/run/secrets/kubernetes.io/serviceaccount"


@pytest.mark.skipif(mount_namespace.way() is None, reason="no mount namespace can be made here")
def test_what_a_process_finds_at_a_path_is_there_for_nobody_else(tmp_path: Path) -> None:
    """Not even the folders that lead there; a real pod's own stay as they are."""
    (tmp_path / "token").write_text("of the test")
    before = sorted(os.walk("/var/run/secrets"))

    words = mount_namespace.command(TARGET, tmp_path, ["cat", f"{TARGET}/token"])
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("of the test", "")
    assert sorted(os.walk("/var/run/secrets")) == before
