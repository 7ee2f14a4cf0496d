"""Discovery responses framed around resources that are encoded already; no resource is encoded twice.

Source: envoy/service/discovery/v3/discovery.proto. Fields stand in the order of their numbers, as every
protobuf library writes them.
"""

from collections.abc import Iterable

from runtime.wire.varint import field


def any_bytes(type_url: str, body: bytes) -> bytes:
    """A google.protobuf.Any that holds the encoded message `body`."""
    return field(1, type_url.encode()) + (field(2, body) if body else b"")


def sotw_resource(type_url: str, body: bytes) -> bytes:
    """One resource as a `resources` field of a DiscoveryResponse."""
    return field(2, any_bytes(type_url, body))


def sotw_response(
    type_url: str, resources: Iterable[bytes], *, version: str, nonce: str, control_plane: str = ""
) -> bytes:
    """A DiscoveryResponse of pieces made by `sotw_resource`. `control_plane` names this server."""
    return b"".join(
        (
            _text(1, version),
            *resources,
            _text(4, type_url),
            _text(5, nonce),
            _control_plane(6, control_plane),
        )
    )


def delta_resource(
    type_url: str, name: str, version: str, body: bytes | None, *, aliases: Iterable[str] = ()
) -> bytes:
    """One resource as a `resources` field of a DeltaDiscoveryResponse.

    Body None leaves the resource itself out: the answer to an alias that does not exist (vhds.rst), or a
    heartbeat.
    """
    return field(
        2,
        b"".join(
            (
                _text(1, version),
                b"" if body is None else field(2, any_bytes(type_url, body)),
                _text(3, name),
                *(field(4, alias.encode()) for alias in aliases),
            )
        ),
    )


def delta_response(
    type_url: str,
    resources: Iterable[bytes],
    removed: Iterable[str],
    *,
    nonce: str,
    control_plane: str = "",
) -> bytes:
    """A DeltaDiscoveryResponse of pieces made by `delta_resource`, and of the names that are gone."""
    return b"".join(
        (
            *resources,
            _text(4, type_url),
            _text(5, nonce),
            *(field(6, name.encode()) for name in removed),
            _control_plane(7, control_plane),
        )
    )


def _text(number: int, text: str) -> bytes:
    return field(number, text.encode()) if text else b""


def _control_plane(number: int, identifier: str) -> bytes:
    return field(number, field(1, identifier.encode())) if identifier else b""
