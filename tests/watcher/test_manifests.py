"""One file: bytes in, objects and problems out."""

import json

import orjson
import pytest

from tests.watcher.texts import BROKEN, service, services
from watcher.files.manifests import MAX_BYTES, Manifest, parse

SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}


def placed(manifest: Manifest) -> dict[str, int]:
    """The line of each object."""
    return {key: orjson.loads(row.body)["source"]["line"] for key, row in manifest.objects.items()}


def told(manifest: Manifest) -> list[str]:
    return [f"{problem.line}: {problem.reason.name}: {problem.message}" for problem in manifest.problems]


FORMS = {
    "yaml": ("web.yaml", service("web"), 2),
    "crlf": ("web.yml", service("web").replace("\n", "\r\n"), 2),
    "bom": ("web.yaml", "\ufeff" + service("web"), 2),
    "json": ("web.json", "\n" + json.dumps(SERVICE, indent=1), 2),
    "json in yaml": ("web.yaml", json.dumps(SERVICE) + "\n---\n", 1),
    "flow": ("web.yaml", "{apiVersion: v1, kind: Service, metadata: {name: web}}", 1),
    "tabs in json": ("web.yaml", json.dumps(SERVICE, indent="\t"), 1),
}


@pytest.mark.parametrize("form", FORMS)
def test_an_object_is_read_in_every_form_with_its_line(form: str) -> None:
    """YAML and JSON, whatever the line ends, with a byte order mark or without."""
    path, text, line = FORMS[form]
    manifest = parse(path, text.encode())

    assert placed(manifest) == {"Service/default/web": line}
    assert told(manifest) == []


def test_every_document_is_an_object_of_its_own() -> None:
    """Empty ones are nothing; each object keeps its line."""
    manifest = parse("web.yaml", f"# two\n---\n{services('a', 'b')}---\n".encode())

    assert placed(manifest) == {"Service/default/a": 4, "Service/default/b": 10}
    assert told(manifest) == []


def test_a_list_is_its_items() -> None:
    """`kind: List` as kubectl writes it; a typed list lends its kind to items that have none."""
    of_any = "kind: List\napiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: a}\n"
    typed = "---\nkind: ServiceList\napiVersion: v1\nitems:\n- metadata: {name: b}\n- 7\n"
    manifest = parse("web.yaml", (of_any + typed).encode())

    assert placed(manifest) == {"Service/default/a": 4, "Service/default/b": 11}
    assert told(manifest) == ["12: InvalidObject: items[1]: expected an object"]


def test_an_object_says_where_it_stands() -> None:
    """File, line, document and item, for messages that name a field's own line."""
    manifest = parse("web.json", json.dumps({"kind": "List", "items": [SERVICE]}).encode())

    body = orjson.loads(manifest.objects["Service/default/web"].body)
    assert body["source"] == {"file": "web.json", "line": 1, "document": 0, "item": 0}
    assert manifest.objects["Service/default/web"].origin == "web.json"


def test_of_the_same_object_twice_in_a_file_the_first_counts() -> None:
    """The message names both lines."""
    manifest = parse("web.yaml", (service("web", 80) + service("web", 81)).encode())

    assert placed(manifest) == {"Service/default/web": 2}
    assert told(manifest) == [
        "8: DuplicateObject: Service default/web is in web.yaml:2 and in web.yaml:8; the first counts"
    ]


def test_a_mistake_in_one_object_leaves_the_others() -> None:
    """It is a problem at the object's line."""
    nameless = "---\napiVersion: v1\nkind: Service\nmetadata: {}\n"
    manifest = parse("web.yaml", (service("a") + nameless + service("b")).encode())

    assert placed(manifest) == {"Service/default/a": 2, "Service/default/b": 12}
    assert told(manifest) == ["8: InvalidObject: metadata.name: expected a string, found nothing"]


UNREADABLE = {
    "broken": (
        BROKEN.encode(),
        "2: Unreadable: line 2, column 1: did not find expected node content (while parsing a flow node)",
    ),
    "later": ((service("web") + BROKEN).encode(), None),
    "latin": (
        "kind: Käse\n".encode("latin-1"),
        "1: Unreadable: line 1, column 8: not UTF-8: a binary file, or another encoding",
    ),
    "utf-16": ("kind: Service".encode("utf-16"), "0: Unreadable: a binary file"),
    "text": (b"see README", "1: Unreadable: line 1, column 1: expected a Kubernetes object, found a string"),
    "large": (b"#" * (MAX_BYTES + 1), "0: Unreadable: larger than 16 MiB; split it into several files"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_is_readable_as_a_whole_or_not_at_all(name: str) -> None:
    """Of a half-written file nothing counts, not even what stands before the mistake."""
    data, message = UNREADABLE[name]
    manifest = parse("web.yaml", data)

    assert not manifest.readable
    assert manifest.objects == {}
    assert len(manifest.problems) == 1
    assert message is None or told(manifest) == [message]


def test_an_object_larger_than_an_api_server_takes_is_refused() -> None:
    """1.5 MiB, etcd's limit; its neighbours are served."""
    long = "x" * 1_600_000
    large = f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: big}}\nspec: {{externalName: {long}}}\n"
    manifest = parse("web.yaml", (large + service("web")).encode())

    assert placed(manifest) == {"Service/default/web": 7}
    assert told(manifest) == [
        "2: InvalidObject: Service default/big: larger than 1.5 MiB, which no API server takes"
    ]


def test_an_empty_file_is_readable() -> None:
    """Nothing in it is a fact, not a mistake."""
    for path in ("web.yaml", "web.json"):
        assert parse(path, b"\n") == Manifest({})
