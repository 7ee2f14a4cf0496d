"""Secrets over time: certificates expire, and a translator starts on one that has turned bad."""

from collections.abc import Iterator

import orjson

from runtime.link.row import Change, Row
from tests.stories.objects import Object, ingress, reference, service, tls
from tests.support.certificate import NOW, Pair, pair, secret
from translator import certificate
from translator.settings import Settings
from translator.translator import Output, Translator, Work

SHOP = "shop.example.com"
WEB = (ingress("web", to="kuard:80", tls=[tls(SHOP, secret="web")]), service("kuard", (80, "http")))
KEY, LISTENER, INGRESS = "secrets/default/web", "listeners/ingress_https", "Ingress/default/web"
BROKEN = Pair(b"no certificate", b"no key")
DAY = 86_400.0


def started(*items: Object) -> tuple[Translator, Output]:
    """A translator with these objects, and what it has given out."""
    core = Translator(Settings())
    core.advance(NOW.timestamp())
    return core, applied(core, *items)


def applied(core: Translator, *items: Object) -> Output:
    """What follows from these."""
    rows = {reference(item): Row.of(orjson.dumps(item)) for item in items}
    output = core.apply(Change(rows, frozenset(), synced=True))
    assert output is not None
    return output


def finished(work: Work) -> Output:
    """What a piece of work gives at its end."""
    found: list[Output | None] = []

    def through() -> Iterator[None]:
        found.append((yield from work))

    list(through())
    (output,) = found
    assert output is not None
    return output


def reasons(output: Output) -> dict[str, list[str]]:
    """The reasons of the statuses that are new."""
    return {
        ref: [problem["reason"] for problem in orjson.loads(row.body)["problems"]]
        for ref, row in output.statuses.puts.items()
    }


def test_a_certificate_that_expires_is_told_though_nothing_else_happens() -> None:
    """At its time, to those who name it, and nothing is sent to any Envoy."""
    core, first = started(*WEB, secret("web", pair(SHOP, begins=1, ends=3)))
    begins, ends = (int(NOW.timestamp()) + DAY, int(NOW.timestamp()) + 3 * DAY)

    assert (reasons(first)[INGRESS], core.deadline) == (["CertificateNotYetValid"], begins)
    core.advance(begins)
    valid = finished(core.work_time())
    assert core.deadline == ends
    core.advance(ends + DAY)
    expired = finished(core.work_time())

    assert [reasons(output) for output in (valid, expired)] == [
        {INGRESS: []},
        {INGRESS: ["CertificateExpired"]},
    ]
    assert (valid.resources.puts, expired.resources.puts, core.deadline) == ({}, {}, None)


def test_a_translator_that_starts_on_a_broken_secret_lets_others_keep_theirs() -> None:
    """It can make none, so it holds it back; the listener goes on to name it, but cannot wait for it."""
    core, output = started(*WEB, secret("web", BROKEN))

    assert output.held == {KEY}
    assert KEY not in output.resources.puts
    assert b"default/web" in output.resources.puts[LISTENER].body
    assert output.resources.puts[LISTENER].needs == ("routes/ingress_https",)
    assert "hosts/ingress_https/shop.example.com" in output.resources.puts

    good = applied(core, secret("web", pair(SHOP)))

    assert good.held == frozenset()
    assert good.resources.puts[LISTENER].needs == ("routes/ingress_https", KEY)
    assert KEY in good.resources.puts


def test_what_is_held_back_is_let_go_with_its_secret() -> None:
    """Or with whoever named it."""
    for gone in ("Secret/default/web", INGRESS):
        core, _ = started(*WEB, secret("web", BROKEN))

        output = core.apply(Change({}, frozenset({gone}), synced=True))

        assert output is not None
        assert output.held == frozenset()


def test_a_secret_that_is_deleted_and_comes_back_bad_has_no_last_good_version() -> None:
    """Deleting it is how an owner takes a key back."""
    core, _ = started(*WEB, secret("web", pair(SHOP)))
    core.apply(Change({}, frozenset({"Secret/default/web"}), synced=True))

    output = applied(core, secret("web", BROKEN))

    assert output.held == {KEY}
    assert output.resources.puts.keys() == {LISTENER, "hosts/ingress_https/shop.example.com"}


def test_a_certificate_never_shows_its_key() -> None:
    """Where a log or a traceback would write it."""
    found = certificate.read(secret("web", pair(SHOP)))

    shown = f"{found!r} {found} {started(*WEB, secret('web', pair(SHOP)))[0].status()}"
    assert shown.startswith("Certificate(key_type='ECDSA', names=('shop.example.com',), begins=")
    assert [line for line in pair(SHOP).key.decode().splitlines() if line in shown] == []


def test_a_secret_or_a_host_that_an_envoy_refuses_is_told_to_whoever_brought_it() -> None:
    """The message of a Secret is the xDS server's, which says nothing of its content."""
    core, _ = started(*WEB, secret("web", pair(SHOP)))
    for at, resource in enumerate((KEY, "hosts/ingress_https/shop.example.com")):
        row = Row.of(orjson.dumps({"resource": resource, "message": "withheld", "node": "a"}))

        output = core.reject(at, Change({f"{resource}|a": row}, frozenset(), synced=True))

        assert output is not None
        assert reasons(output) == {INGRESS: ["RejectedByEnvoy"] * (at + 1)}
