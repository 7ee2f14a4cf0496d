"""The table `objects`, as tests speak of it."""

from collections.abc import Mapping

import orjson

from runtime.link.row import Row


def objects(rows: Mapping[str, Row]) -> dict[str, str]:
    """`Service/default/web` → `web.yaml:2`."""
    return {key: _place(row) for key, row in rows.items() if not key.startswith("File/")}


def problems(rows: Mapping[str, Row]) -> list[str]:
    """`web.yaml:3: Unreadable: why`, by file; the line only where there is one."""
    return [
        f"{key.removeprefix('File//')}{_line(item)}: {item['reason']}: {item['message']}"
        for key, row in sorted(rows.items())
        if key.startswith("File/")
        for item in orjson.loads(row.body)["problems"]
    ]


def _place(row: Row) -> str:
    source = orjson.loads(row.body)["source"]
    return f"{source['file']}:{source['line']}"


def _line(item: Mapping[str, object]) -> str:
    return f":{item['line']}" if item["line"] else ""
