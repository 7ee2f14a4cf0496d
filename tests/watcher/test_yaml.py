"""YAML as kubectl reads it."""

from typing import Any

import pytest

from tests.watcher.texts import BOMB
from watcher.files import yaml_stream
from watcher.files.unreadable import UnreadableError

# What `kubectl apply --dry-run=client -o json` makes of them (sigs.k8s.io/yaml on goyaml.v2).
SCALARS: dict[str, object] = {
    "yes": True,
    "Off": False,
    "y": True,
    "tRUE": "tRUE",
    "~": None,
    "": None,
    "010": 8,
    "0o10": 8,
    "0x1f": 31,
    "0b11": 3,
    "1_000": 1000,
    "1e3": 1000,
    "8.0": 8,
    ".5": 0.5,
    "09": 9,
    "1.2.3": "1.2.3",
    "12:30:45": "12:30:45",
    "2024-01-01": "2024-01-01",
    "18446744073709551615": 18446744073709551615,
    "18446744073709551616": 18446744073709551616.0,
    "'yes'": "yes",
    '"8"': "8",
    "!!str 8": "8",
    "!!int '8'": 8,
    "!mine 8": "8",
}

REFUSED = {
    "a: [\n": "line 2, column 1: did not find expected node content (while parsing a flow node)",
    "a: 1\nb: 2\na: 3\n": "line 3, column 1: the key 'a' is there twice",
    "a:\n\tb: 1\n": "line 2, column 1: a tab, where YAML allows spaces only",
    "a: \x07\n": "line 1, column 4: a character that YAML does not allow (#x07)",
    "a: *b\n": "line 1, column 4: the alias *b names no anchor of this document",
    "a: &b 1\n---\na: *b\n": "line 3, column 4: the alias *b names no anchor of this document",
    "a: &a [*a]\n": "line 1, column 8: the anchor &a contains itself",
    "a: .nan\n": "line 1, column 4: not a number, or infinite: JSON, and so Kubernetes, has no such value",
    "a: !!binary aGk=\n": "line 1, column 4: !!binary is not supported: write the base64 text as a string",
    "? [a]\n: 1\n": "line 1, column 3: a list or a map as a key",
    "~: 1\n": "line 1, column 1: null cannot be a key",
    "[" * 1000: "line 1, column 101: nested deeper than 100 levels",
    BOMB: "line 6, column 40: aliases that expand to more than 1.5 MiB, which no API server takes:"
    " write the values out",
}


def values(text: str) -> list[Any]:
    return [document.value for document in yaml_stream.documents(text)]


@pytest.mark.parametrize("text", SCALARS)
def test_a_scalar_means_what_kubectl_takes_it_for(text: str) -> None:
    """YAML 1.1 without its base-60 numbers, with timestamps left as strings."""
    value = values(f"a: {text}")[0]["a"]

    assert (type(value), value) == (type(SCALARS[text]), SCALARS[text])


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_read_is_told_with_line_and_column(text: str) -> None:
    """Both count from 1, as editors do."""
    with pytest.raises(UnreadableError) as caught:
        values(text)

    assert str(caught.value) == REFUSED[text]


def test_a_message_repeats_no_value() -> None:
    """A manifest may hold private keys."""
    with pytest.raises(UnreadableError) as caught:
        values("data: {tls.key: c2VjcmV0}\nkind: [c2VjcmV0")

    assert "c2VjcmV0" not in str(caught.value)


def test_documents_are_told_apart_and_know_their_line() -> None:
    """Comments, empty documents and `...` are no objects; CRLF and a first `---` change nothing."""
    documents = yaml_stream.documents("# a\r\n---\r\na: 1\r\n---\r\n---\r\n# b\r\nb: 2\r\n...\r\n")

    assert [(document.line, document.value) for document in documents] == [
        (3, {"a": 1}),
        (5, None),
        (7, {"b": 2}),
    ]


def test_keys_are_strings() -> None:
    """As JSON has them: a port as a key is the text of its number, and `yes` is `true` here too."""
    assert values("{8080: a, 1.5: b, yes: c, x: d}")[0] == {"8080": "a", "1.5": "b", "true": "c", "x": "d"}


def test_aliases_and_merges_are_expanded() -> None:
    """What stands in the map itself wins over `<<`; of several maps the first."""
    text = "a: &a {k: 1, l: 1}\nb: &b {l: 2, m: 2}\nc: {<<: [*a, *b], k: 3}\nd: *a\n"

    assert values(text)[0]["c"] == {"k": 3, "l": 1, "m": 2}
    assert values(text)[0]["d"] == {"k": 1, "l": 1}


def test_a_key_that_is_an_alias_is_its_value() -> None:
    """Rare, and read all the same."""
    assert values("a: &k name\nb: {*k : 1}\n")[0]["b"] == {"name": 1}
