"""The manifests that come with compose.yaml."""

from click.testing import CliRunner

from isoline.__main__ import isoline
from tests.deploy.container import ROOT


def test_nothing_is_wrong_in_the_examples() -> None:
    """As `isoline check` sees it."""
    checked = CliRunner().invoke(isoline, ["check", str(ROOT / "deploy/compose/manifests")])

    assert (checked.exit_code, checked.stdout) == (0, "")
