"""A field's line is found in its own document, however many stand before it."""

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoline.place import MAX_DOCUMENT, Places
from watcher.files.manifests import line_of, parse

SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  ports:\n  - port: {port}\n"
PIECES = st.sampled_from(
    [
        "---\n",
        "--- # note\n",
        "# a comment\n",
        "\n",
        "...\n---\n",
        "%YAML 1.2\n---\n",
        "apiVersion: v1\nkind: X\n",
    ]
)


def places(data: bytes) -> Places:
    """Of one file."""
    return Places({"a.yaml": data}.get)


@pytest.mark.law
@given(st.lists(PIECES, max_size=5), st.integers(1, 4))
def test_the_line_is_that_which_the_whole_file_gives(before: list[str], count: int) -> None:
    """Looking into one document alone finds what looking into the whole file does."""
    services = [SERVICE.format(name=f"s{number}", port=number) for number in range(count)]
    data = ("".join(before) + "---\n" + "---\n".join(services)).encode()

    for row in parse("a.yaml", data).objects.values():
        source = orjson.loads(row.body)["source"]
        for field in ("spec.ports[0].port", "metadata.name", "spec.nothing", ""):
            assert places(data).line_of(source, field) == (
                line_of(data, source, field) if field else source["line"]
            )


def test_three_dashes_in_a_text_are_no_document() -> None:
    """They are indented there."""
    text = (
        "metadata:\n  name: a\n  annotations:\n    x: |\n      a\n      --- b\nspec: {ports: [{port: 7}]}\n"
    )
    data = ("apiVersion: v1\nkind: Service\n" + text).encode()
    source = {"file": "a.yaml", "line": 1, "document": 0, "item": None}

    assert places(data).line_of(source, "spec.ports[0].port") == 9


def test_in_a_huge_document_the_objects_line_has_to_do() -> None:
    """Parsing it again for each of a thousand problems would take minutes."""
    data = b"# " + b"x" * MAX_DOCUMENT + b"\n" + SERVICE.format(name="a", port=1).encode()
    source = {"file": "a.yaml", "line": 2, "document": 0, "item": None}

    assert places(data).line_of(source, "spec.ports[0].port") == 2


def test_a_file_that_is_gone_gives_the_objects_line(tmp_path: Path) -> None:
    """It was removed between the change and the line about it."""
    source = {"file": str(tmp_path / "gone.yaml"), "line": 7, "document": 2, "item": None}

    assert Places(lambda _path: None).line_of(source, "spec.x") == 7
