"""The allow-list of a publisher: libzmq asks, over ZAP (RFC 27), whether a client's public key may connect.

Without an answer to that, whoever knows a publisher's public key may read its tables.
"""

from collections.abc import Callable, Sequence

import structlog
import zmq
import zmq.utils.z85

from runtime.link.socket import Socket

log = structlog.get_logger()

ENDPOINT = "inproc://zeromq.zap.01"
DOMAIN = b"isoline"
VERSION = b"1.0"


def answer(request: Sequence[bytes], allowed: frozenset[bytes]) -> list[bytes]:
    """The reply to one question of libzmq: 200 for CURVE with one of these public keys (Z85), else 400."""
    number, mechanism, credentials = request[1], request[5], request[6:]
    curve = mechanism == b"CURVE" and [len(key) for key in credentials] == [32]
    key = zmq.utils.z85.encode(credentials[0]) if curve else b""
    code, text = (b"200", b"OK") if key in allowed else (b"400", b"key not allowed")
    return [VERSION, number, code, text, b"", b""]


def allow(
    context: "zmq.Context[zmq.Socket[bytes]]", keys: frozenset[bytes], refused: Callable[[], None]
) -> Socket:
    """Answers for all sockets of `context` until closed; it must be there before they are bound."""

    def receive(request: list[bytes]) -> None:
        reply = answer(request, keys)
        if reply[2] != b"200":
            refused()
            log.warning("link refuses a peer", address=request[3].decode(errors="replace"))
        door.send(reply)

    door = Socket(context, zmq.REP, receive)
    door.zmq.bind(ENDPOINT)
    return door


def demand(bound: Socket) -> None:
    """Makes a socket refuse everybody when nobody answers for it."""
    bound.zmq.setsockopt(zmq.ZAP_DOMAIN, DOMAIN)
    bound.zmq.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
