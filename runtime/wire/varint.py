"""The smallest pieces of the protobuf wire format (protobuf.dev/programming-guides/encoding)."""

SMALL = tuple(bytes((n,)) if n < 0x80 else bytes((n & 0x7F | 0x80, n >> 7)) for n in range(2048))
"""The varints of 0 … 2047: tags, most lengths and most numbers of a resource, ready made."""


def varint(n: int) -> bytes:
    """`n` as a varint of 1 to 10 bytes; a negative number as its 64-bit two's complement.

    Raises OverflowError when `n` is no 64-bit number, signed or unsigned.
    """
    if 0 <= n < 2048:
        return SMALL[n]
    if not -(1 << 63) <= n < 1 << 64:
        raise OverflowError(f"{n} does not fit into 64 bits")
    n &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def tag(number: int, wire_type: int) -> bytes:
    """The key before a field's value. Wire types: 0 varint, 1 64 bits, 2 length-delimited, 5 32 bits."""
    return varint(number << 3 | wire_type)


def field(number: int, value: bytes) -> bytes:
    """A length-delimited field (string, bytes, message): key, length, value.

    Appended to an encoded message it sets that field, or adds to it when the field is repeated.
    """
    return tag(number, 2) + varint(len(value)) + value
