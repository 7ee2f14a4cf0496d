"""What differs between two sets of Envoy's resources, by name and field; of a secret, only that it does."""

import base64
import hashlib
import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from isoline.rendered import REDACTED, SECRET, TYPES
from runtime.link.row import Row
from runtime.wire import decode, to_json

ABSENT = "(none)"
END_OF_CERTIFICATE = "-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Field:
    """One field that differs, as JSON; None where it is not there."""

    path: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One resource that came, went or changed; the fields of one that changed."""

    type: str
    name: str
    change: Literal["added", "removed", "changed"]
    fields: tuple[Field, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Type, name, change, fields."""
        fields = [
            {"field": each.path, "old": _plain(each.old), "new": _plain(each.new)} for each in self.fields
        ]
        return {"type": self.type, "name": self.name, "change": self.change, "fields": fields}

    def lines(self) -> Iterator[str]:
        """The resource, and a line for each field: `path: old → new`."""
        yield f"{self.change:<7} {self.type} {self.name}"
        for each in self.fields:
            yield f"  {each.path}: {_shown(each.old)} → {_shown(each.new)}"


def differences(old: Mapping[str, Row], new: Mapping[str, Row]) -> Iterator[Difference]:
    """By type in the order of TYPES, then by name."""
    for type_ in TYPES:
        keys = sorted(key for key in old.keys() | new.keys() if key.startswith(f"{type_}/"))
        for key in keys:
            name = key.removeprefix(f"{type_}/")
            if key not in old or key not in new:
                yield Difference(type_, name, "added" if key in new else "removed")
            elif old[key].version != new[key].version:
                before, after = (
                    _masked(to_json(decode(TYPES[type_], rows[key].body))) for rows in (old, new)
                )
                yield Difference(type_, name, "changed", tuple(_fields(before, after, "")))


class _Hidden:
    """A secret, that can be compared and not be shown."""

    def __init__(self, value: object) -> None:
        self.digest = hashlib.blake2b(json.dumps(value).encode()).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hidden) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return REDACTED


def _masked(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Secrets hidden, certificates as the fingerprint of the first."""
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if not isinstance(value, dict):
        return value
    masked = {key: _Hidden(item) if key in SECRET else _masked(item) for key, item in value.items()}
    if "certificate_chain" in value:
        masked["certificate_chain"] = _fingerprint(value["certificate_chain"])
    return masked


def _fingerprint(chain: Mapping[str, Any]) -> object:
    try:
        text = base64.b64decode(chain["inline_bytes"]).decode()
        first = text[: text.index(END_OF_CERTIFICATE)] + END_OF_CERTIFICATE
        return "SHA-256 " + hashlib.sha256(ssl.PEM_cert_to_DER_cert(first.strip())).hexdigest()
    except (KeyError, ValueError):
        return _Hidden(chain)


def _fields(old: Any, new: Any, path: str) -> Iterator[Field]:  # noqa: ANN401 - JSON
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from _fields(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _items(old, new, path)
    else:
        yield Field(path, old, new)


def _items(old: Sequence[Any], new: Sequence[Any], path: str) -> Iterator[Field]:
    """What is equal is found first, so that an item more does not change all behind it. Places are those of
    `new`, of what is gone those of `old`.
    """
    before, after = (
        [json.dumps(item, default=lambda each: each.digest.hex()) for item in x] for x in (old, new)
    )
    for tag, i, i_end, j, j_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        pairs = min(i_end - i, j_end - j)
        for at in range(pairs):
            yield from _fields(old[i + at], new[j + at], f"{path}[{j + at}]")
        for at in range(i + pairs, i_end):
            yield Field(f"{path}[{at}]", old[at], None)
        for at in range(j + pairs, j_end):
            yield Field(f"{path}[{at}]", None, new[at])


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """As JSON that may be shown."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return REDACTED if isinstance(value, _Hidden) else value


def _shown(value: Any) -> str:  # noqa: ANN401 - JSON
    if value is None:
        return ABSENT
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
