"""The manifests that come with compose.yaml and deploy/."""

import pytest
from click.testing import CliRunner

from isoline.__main__ import isoline
from tests.deploy.container import ROOT


@pytest.mark.parametrize("folder", ["deploy/compose/manifests", "deploy/manifests"])
def test_nothing_is_wrong_in_an_example(folder: str) -> None:
    """As `isoline check` sees it."""
    checked = CliRunner().invoke(isoline, ["check", str(ROOT / folder)])

    assert (checked.exit_code, checked.stdout) == (0, "")
