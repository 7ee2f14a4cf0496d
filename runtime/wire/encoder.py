"""An encoder per message class, compiled from the field metadata that envoy-data-plane carries itself.

The library's own `bytes(message)` builds a pydantic validator on every call (2 ms for a small Cluster) and
writes fields in the order of their declaration; this one takes some µs and writes them in the order of their
numbers, as google's protobuf does, and maps by ascending key, so that equal messages are equal bytes.

As with `dataclasses`, the compiled function is Python source made from the fields, one line a field:

    def encode(message):
        d = message.__dict__
        out = []
        add = out.append
        if (v := d["name"]):
            add(TAG_1 + (SMALL[n] if (n := len(b := v.encode())) < 2048 else varint(n)) + b)
        ...
        return b"".join(out)
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runtime.wire.scalar import FLOATS, SCALARS, WIRE_TYPES, WRAPPED
from runtime.wire.varint import SMALL, tag, varint

if TYPE_CHECKING:  # the xDS server frames bytes only and never loads the library (0.2 s, 23 MB)
    from betterproto2 import FieldMetadata, Message

Encoder = Callable[[Any], bytes]


def encode(message: "Message") -> bytes:
    """The message's protobuf bytes: deterministic, its unknown fields last.

    Takes messages of the library's constructors and parsers and of `unchecked` alike. What no check has seen
    may raise here: OverflowError (a number too large for its field), struct.error, AttributeError,
    TypeError (a value of a wrong type), UnicodeEncodeError (a lone surrogate).
    """
    return ENCODERS[type(message)](message)


class _Encoders(dict[type, Encoder]):
    """Class → its encoder, compiled when first asked for."""

    def __missing__(self, cls: type) -> Encoder:
        encoder = self[cls] = _compile(cls)
        return encoder


ENCODERS = _Encoders()

_PACKABLE = frozenset(name for name, wire_type in WIRE_TYPES.items() if wire_type != 2)


def _compile(cls: type) -> Encoder:
    """The encoder of a message class of the library. Raises TypeError for any other class."""
    if not dataclasses.is_dataclass(cls):
        raise TypeError(f"{cls.__name__} is no message class of envoy-data-plane")
    metas: list[tuple[str, FieldMetadata]] = [
        (f.name, f.metadata["betterproto"]) for f in dataclasses.fields(cls)
    ]
    lines = ["def encode(message):", " d = message.__dict__", " out = []", " add = out.append"]
    for name, meta in sorted(metas, key=lambda named: named[1].number):
        lines += _field(name, meta)
    lines += [' if v := d["_unknown_fields"]:', "  add(v)", ' return b"".join(out)']
    names: dict[str, Any] = {"SMALL": SMALL, "varint": varint, "ENCODERS": ENCODERS, **SCALARS, **WRAPPED}
    exec("\n".join(lines), names)  # noqa: S102 - made above from numbers and identifiers of the library
    encoder: Encoder = names["encode"]
    encoder.__qualname__ = f"encode[{cls.__name__}]"
    return encoder


def _field(name: str, meta: "FieldMetadata") -> list[str]:
    """The lines that write one field of `d`, indented by one."""
    if meta.map_meta is not None:
        key, value = meta.map_meta
        entry = f"{_tagged(key, 'k')} + {_tagged(value, 'v')}"
        return [
            f' if m := d["{name}"]:',
            "  for k in sorted(m):",
            "   v = m[k]",
            f"   e = {entry}",
            f"   add({tag(meta.number, 2)!r} + {_sized('e')})",
        ]
    if meta.repeated and meta.proto_type in _PACKABLE:
        packed = f'b"".join([{_value(meta, "v")} for v in m])'
        return [f' if m := d["{name}"]:', f"  add({tag(meta.number, 2)!r} + {_sized(packed)})"]
    if meta.repeated:
        return [f' for v in d["{name}"]:', f"  add({_tagged(meta, 'v')})"]
    return [f" {_present(name, meta)}:", f"  add({_tagged(meta, 'v')})"]


def _present(name: str, meta: "FieldMetadata") -> str:
    """The test for a field that is to be written: not None where presence is explicit, else not zero."""
    if meta.optional or meta.group or meta.proto_type == "message":
        return f'if (v := d["{name}"]) is not None'
    if meta.proto_type in FLOATS:  # -0.0 is false, yet not the default
        return f'if (v := d["{name}"]) or str(v) == "-0.0"'
    return f'if v := d["{name}"]'


def _tagged(meta: "FieldMetadata", v: str) -> str:
    """An expression for key and value of a single field, map key or map value in the variable `v`."""
    return f"{tag(meta.number, WIRE_TYPES[meta.proto_type])!r} + {_value(meta, v)}"


def _value(meta: "FieldMetadata", v: str) -> str:
    """An expression for the bytes after the key, the length of text, bytes and messages included."""
    match meta.proto_type:
        case "string":
            return _sized(f"{v}.encode()")
        case "bytes":
            return _sized(v)
        case "message" if meta.unwrap is not None:
            return _sized(f"{meta.unwrap().__name__}({v})")
        case "message":
            return _sized(f"ENCODERS[type({v})]({v})")
        case "int32" | "int64" | "uint32" | "uint64" | "enum":
            return f"(SMALL[{v}] if 0 <= {v} < 2048 else varint({v}))"
    return f"{meta.proto_type}({v})"


def _sized(value: str) -> str:
    """An expression for the bytes of the expression `value` behind their length."""
    return f"(SMALL[n] if (n := len(b := {value})) < 2048 else varint(n)) + b"
