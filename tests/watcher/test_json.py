"""JSON as kubectl reads it."""

import pytest

from watcher.files import json_stream
from watcher.files.unreadable import UnreadableError

REFUSED = {
    '{"a": 1,\n "b": 2,}': "line 2, column 9: a comma before '}'",
    '{"items": [1,\n]}': "line 2, column 1: a comma before ']'",
    '{"a": 1,\n "a": 2}': "line 1, column 1: the name 'a' is there twice",
    '{"b": {"a": 1, "a": 2}}': "line 1, column 7: the name 'a' is there twice",
    '{"a":\n tru}': "line 2, column 2: expected a value",
    '{"a": NaN}': "line 1, column 7: NaN is no JSON value",
    '{"a": 1e999}': "line 1, column 7: a number that is too large",
    '{"a": 1': "line 1, column 8: expected ','",
    "{a: 1}": "line 1, column 2: expected a name in double quotes, or '}'",
    '{"a" 1}': "line 1, column 6: expected ':'",
    '["a"': "line 1, column 5: expecting ',' delimiter",
    "[" * 100_000: "line 1, column 1: nested deeper than 100 levels",
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_read_is_told_with_line_and_column(text: str) -> None:
    """Both count from 1, as editors do."""
    with pytest.raises(UnreadableError) as caught:
        list(json_stream.documents(text))

    assert str(caught.value) == REFUSED[text]


def test_documents_follow_one_another_and_know_their_line() -> None:
    """With or without a line between them."""
    documents = json_stream.documents('\n{"a": 1} {"b":\n2}\n\n[]\n')

    assert [(document.line, document.value) for document in documents] == [
        (2, {"a": 1}),
        (2, {"b": 2}),
        (5, []),
    ]


def test_the_items_of_a_list_know_their_lines() -> None:
    """Those of the document's own `items`, not of what stands deeper."""
    (document,) = json_stream.documents('{"x": {"items": [1]},\n"items": [\n{},\n\n{"items": [2]}]}')

    assert document.item_lines == (3, 5)


def test_numbers_are_what_go_makes_of_them() -> None:
    """8.0 is the integer 8, and beyond 64 bits there are floats only."""
    (document,) = json_stream.documents("[8.0, 1.5, 18446744073709551616, -9223372036854775808]")

    assert repr(document.value) == "[8, 1.5, 1.8446744073709552e+19, -9223372036854775808]"
