"""Private keys: who is sent them, and where they never appear."""

from typing import Any

import orjson
import pytest

from tests.xds.harness import World, front, row
from xds_server.event import Withheld
from xds_server.service import PeerError

MARK = "MARKED-PRIVATE-KEY"
QUOTED = f"goo.gle/debugstr name: ns/tls private_key {{ inline_string: {MARK} }}"
FAILED = "Proto constraint validation failed (CertificateValidationContext.X: value is required)"


@pytest.fixture
def world() -> World:
    """A listener that needs a Secret."""
    return World(row("secrets/ns/tls", MARK), front(secrets=["ns/tls"]))


def test_a_secret_is_sent_to_who_names_it(world: World) -> None:
    """Over a connection that nobody can listen to."""
    client = world.delta()

    client.ask("secrets", subscribe=["ns/tls"])

    assert client.says() == [("secrets", {"ns/tls": MARK}, [])]
    assert world.server.take_events() == []


@pytest.mark.parametrize("names", [["ns/tls"], ["*"], []], ids=["named", "star", "wildcard of old"])
@pytest.mark.parametrize("delta", [True, False])
def test_no_secret_goes_over_a_connection_in_clear(world: World, names: list[str], *, delta: bool) -> None:
    """The rest does; why is told once, in the log."""
    client: Any = world.delta(secure=False) if delta else world.sotw(secure=False)

    client.ask("secrets", names)
    client.ask("listeners")
    client.settle()
    world.put(row("secrets/ns/tls", f"{MARK}-2"))
    client.settle()

    assert [answer for answer in client.answers if MARK.encode() in answer.data] == []
    assert ("listeners", {"ingress_http": "1"}, []) in [answer.told for answer in client.answers]
    assert world.server.take_events() == [Withheld(node="envoy-1", peer="peer")]


def test_the_service_of_secrets_says_why_it_gives_none(world: World) -> None:
    """A tool shows the reason to whoever uses it."""
    for client in (world.delta("secrets", secure=False), world.sotw("secrets", secure=False)):
        with pytest.raises(PeerError, match=r"unix.*mTLS") as raised:
            client.ask("secrets", ["ns/tls"])

        assert raised.value.code == "PERMISSION_DENIED"


def kept(world: World) -> str:
    """Everything that a server tells of a refusal: rows, log, status."""
    rows, _ = world.server.take_rejections()
    bodies = [row.body.decode() for row in rows.values()]
    shown = [list(rows), bodies, world.server.take_events(), world.server.status()]
    return orjson.dumps(shown, default=repr).decode() + repr(world.server.__dict__)


MESSAGES = {
    "validation": f"{QUOTED}: {FAILED}",
    "quoted": QUOTED,
    "in another order": f"Failed to load {MARK}",
    "on two lines": f"{QUOTED}\n: {FAILED}",
    "key after the reason": f"{QUOTED}: {FAILED}: {MARK}",
}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
@pytest.mark.parametrize("delta", [True, False])
def test_nothing_of_a_refused_secret_is_kept(world: World, message: str, *, delta: bool) -> None:
    """Envoy's message quoted the whole resource, measured. That it was refused is told."""
    client: Any = world.delta() if delta else world.sotw()
    client.ask("secrets", ["ns/tls"])
    client.pull()

    client.nack(message)
    client.pull()

    told = kept(world)
    assert MARK not in told.replace(repr(world.server.table), "")
    assert "secrets/ns/tls|envoy-1" in told


@pytest.mark.parametrize("message", [f"{QUOTED}: {FAILED}", QUOTED])
@pytest.mark.parametrize("type_", ["listeners", "routes", "clusters"])
def test_nothing_that_another_refusal_quotes_is_kept(world: World, type_: str, message: str) -> None:
    """Only what stands after the last `Proto constraint validation failed`, which names the field."""
    world.put(row("clusters/x"))
    client = world.delta()
    client.ask(type_, subscribe=["ingress_http"] if type_ == "routes" else [])
    client.pull()

    client.nack(message)
    client.pull()

    told = kept(world)
    assert MARK not in told
    assert ("CertificateValidationContext.X: value is required" in told) == (FAILED in message)


def test_the_message_of_an_ordinary_refusal_is_kept(world: World) -> None:
    """It says what is wrong."""
    client = world.delta()
    client.ask("listeners")
    client.pull()

    client.nack("error adding listener 'ingress_http': address in use")
    client.pull()

    rows, _ = world.server.take_rejections()
    body = orjson.loads(rows["listeners/ingress_http|envoy-1"].body)
    assert body["message"] == "error adding listener 'ingress_http': address in use"
