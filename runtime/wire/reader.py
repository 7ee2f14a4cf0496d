"""Reads protobuf fields without knowing their message."""

from collections.abc import Iterator


class DecodeError(Exception):
    """The bytes are no protobuf message of the expected type: cut short, overlong or of a wrong shape."""


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The varint at `at`, as an unsigned 64-bit number, and the position after it.

    Raises DecodeError when it is cut short or longer than 10 bytes.
    """
    value = shift = 0
    for here in range(at, min(at + 10, len(data))):
        byte = data[here]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, here + 1
        shift += 7
    raise DecodeError(f"the varint at byte {at} has no end")


def fields(data: bytes, at: int = 0) -> Iterator[tuple[int, int, bytes, int]]:
    """(number, wire type, value, n) of each field from `at` on; raises DecodeError at the first broken one.

    Of a varint (wire type 0) `n` is the value, unsigned 64 bits, and `value` is empty. Of every other field
    `value` is its bytes and `n` the position after it. Groups (wire types 3 and 4, of which proto3 has none)
    are stepped over.
    """
    end = len(data)
    while at < end:
        key = data[at]
        at += 1
        if key & 7 == 2 and 8 < key < 0x80 and at < end and (size := data[at]) < 0x80:
            start = at + 1  # nearly every field: key and length of one byte each
        else:
            key, at = read_varint(data, at - 1)
            number, wire_type = _number(key), key & 7
            if wire_type == 0:
                n, at = read_varint(data, at)
                yield number, 0, b"", n
                continue
            if wire_type != 2:
                start = at
                at = _after(data, number, wire_type, at)
                if wire_type != 3:
                    yield number, wire_type, data[start:at], at
                continue
            size, start = read_varint(data, at)
        at = start + size
        if at > end:
            raise DecodeError(f"field {key >> 3} is cut short")
        yield key >> 3, 2, data[start:at], at


def _number(key: int) -> int:
    number = key >> 3
    if not 1 <= number < 1 << 29:
        raise DecodeError(f"{number} is no field number")
    return number


_FIXED = {1: 8, 5: 4}
_MAX_DEPTH = 100  # of groups in groups: the limit of google's own parsers


def _after(data: bytes, number: int, wire_type: int, at: int) -> int:
    """The position after the value of a field that is 4 or 8 bytes, or a group."""
    if wire_type in _FIXED:
        at += _FIXED[wire_type]
        if at > len(data):
            raise DecodeError(f"field {number} is cut short")
        return at
    if wire_type != 3:
        raise DecodeError(f"field {number} has the unknown wire type {wire_type}")
    return _after_group(data, number, at)


def _after_group(data: bytes, number: int, at: int) -> int:
    open_groups = [number]
    while open_groups:
        key, at = read_varint(data, at)
        inner, wire_type = _number(key), key & 7
        if wire_type == 3:
            open_groups.append(inner)
            if len(open_groups) > _MAX_DEPTH:
                raise DecodeError(f"field {number} holds more than {_MAX_DEPTH} groups in one another")
        elif wire_type == 4:
            if inner != open_groups.pop():
                raise DecodeError(f"a group of field {inner} ends that was not begun")
        elif wire_type == 0:
            _, at = read_varint(data, at)
        elif wire_type == 2:
            size, at = read_varint(data, at)
            at += size
        else:
            at = _after(data, inner, wire_type, at)
        if at > len(data):
            raise DecodeError(f"field {inner} is cut short")
    return at
