"""Which handshakes are answered, with which Secret; the TLS section of the Ingress API."""

import re
from typing import TYPE_CHECKING

import pytest

from tests.stories import handshake
from tests.stories.meant import host, route
from tests.stories.objects import ingress, path, rule, service, tls
from tests.stories.world import Envoy, Kube
from tests.support.certificate import Pair, pair, secret
from translator.derive import Derivation
from translator.field import Field
from translator.ingress.tls import read
from translator.settings import Settings
from translator.translator import Translator

if TYPE_CHECKING:
    from translator.problem import Problem

KUARD = service("kuard", (80, "http"))
SHOP = "shop.example.com"
SHOPS = host(SHOP, route("default/kuard/80", of="web", prefix="/"))
WEB = ingress("web", to="kuard:80", tls=[tls(SHOP, secret="web")])
BROKEN = Pair(b"no certificate", b"no key")


def test_a_tls_host_is_served_by_its_server_name_with_its_secret(kube: Kube, envoy: Envoy) -> None:
    """And over HTTP as before."""
    kube.apply(WEB, KUARD, secret("web", pair(SHOP)))

    assert handshake.secrets(envoy.https, SHOP) == ["default/web"]
    assert envoy.https_hosts == envoy.hosts == {SHOP: SHOPS}
    held = envoy.secrets["default/web"].tls_certificate
    assert (held.certificate_chain.inline_bytes, held.private_key.inline_bytes) == (
        pair(SHOP).chain,
        pair(SHOP).key,
    )
    assert kube.problems == ()


def test_a_host_without_tls_has_no_https(kube: Kube, envoy: Envoy) -> None:
    """Its handshake is refused, and so is one for a name that nobody has, or without a name."""
    kube.apply(WEB, ingress("plain", to="kuard:80", host="plain.com"), KUARD, secret("web", pair(SHOP)))

    refused = [handshake.answer(envoy.https, name) for name in ("plain.com", "nobody.com", "")]
    assert refused == [None, None, None]
    assert list(envoy.https_hosts) == [SHOP]
    assert kube.problems == ()


def test_a_tls_host_without_a_rule_gets_no_handshake(kube: Kube, envoy: Envoy) -> None:
    """It is told, and gets one when some Ingress brings a rule for it."""
    kube.apply(ingress("web", tls=[tls(SHOP, secret="web")]), KUARD, secret("web", pair(SHOP)))

    assert handshake.answer(envoy.https, SHOP) is None
    assert envoy.secrets == {}
    assert kube.reasons == ["Ingress/default/web TLSWithoutRule spec.tls[0].hosts[0]"]

    kube.apply(ingress("rules", to="kuard:80"))

    assert handshake.secrets(envoy.https, SHOP) == ["default/web"]
    assert list(envoy.https_hosts) == [SHOP]
    assert kube.problems == ()


def test_a_rule_without_host_has_no_https(kube: Kube, envoy: Envoy) -> None:
    """Nobody could say its name in a handshake."""
    rules = [rule("", path("/", "kuard:80")), rule(SHOP, path("/", "kuard:80"))]
    kube.apply(ingress("web", *rules, tls=[tls(secret="web")]), KUARD, secret("web", pair(SHOP)))

    assert list(envoy.https_hosts) == [SHOP]
    assert kube.reasons == ["Ingress/default/web TLSWithoutHost spec.rules[0]"]


def test_tls_without_hosts_takes_the_hosts_of_the_rules(kube: Kube, envoy: Envoy) -> None:
    """Each once."""
    rules = [rule(name, path("/", "kuard:80")) for name in ("a.com", "*.b.com", "A.com")]
    kube.apply(
        ingress("web", *rules, tls=[tls(secret="web")]), KUARD, secret("web", pair("a.com", "*.b.com"))
    )

    assert [handshake.secrets(envoy.https, name) for name in ("a.com", "x.b.com")] == [["default/web"]] * 2
    assert sorted(envoy.https_hosts) == ["*.b.com", "a.com"]


def test_a_wildcard_takes_one_label_and_an_exact_host_goes_first(kube: Kube, envoy: Envoy) -> None:
    """The longer wildcard before the shorter; a dot is a dot."""
    for name, host_ in [("any", "*.com"), ("foo", "*.foo.com"), ("known", "known.foo.com")]:
        kube.apply(
            ingress(name, to="kuard:80", host=host_, tls=[tls(host_, secret=name)]),
            secret(name, pair(host_)),
        )
    kube.apply(KUARD)

    names = ["known.foo.com", "a.foo.com", "foo.com", "afoo.com", "axcom", "a.b.foo.com", ".foo.com"]
    assert [handshake.secrets(envoy.https, name) for name in names] == [
        ["default/known"],
        ["default/foo"],
        ["default/any"],
        ["default/any"],
        None,
        None,
        None,
    ]
    assert kube.problems == ()


def test_all_routes_of_a_host_are_served_over_https(kube: Kube, envoy: Envoy) -> None:
    """Whichever Ingress brings the Secret."""
    other = ingress("other", rule(SHOP, path("/other", "kuard:80")))
    kube.apply(WEB, other, KUARD, secret("web", pair(SHOP)))

    assert envoy.https_hosts == envoy.hosts
    assert len(envoy.https_hosts[SHOP].routes) == 2


def test_an_rsa_and_an_ecdsa_secret_of_one_ingress_are_both_served(kube: Kube, envoy: Envoy) -> None:
    """A client takes the one that it can."""
    both = [tls(SHOP, secret="rsa"), tls(SHOP, secret="ecdsa")]
    secrets = [secret("rsa", pair(SHOP, kind="RSA")), secret("ecdsa", pair(SHOP))]
    kube.apply(ingress("web", to="kuard:80", tls=both), KUARD, *secrets)

    assert handshake.secrets(envoy.https, SHOP) == ["default/ecdsa", "default/rsa"]
    assert kube.problems == ()


def test_of_two_secrets_with_keys_of_one_type_the_first_written_counts(kube: Kube, envoy: Envoy) -> None:
    """The other is told, and is not sent to anybody."""
    both = [tls(SHOP, secret="b"), tls(SHOP, secret="a")]
    kube.apply(
        ingress("web", to="kuard:80", tls=both), KUARD, secret("a", pair(SHOP)), secret("b", pair(SHOP))
    )

    assert handshake.secrets(envoy.https, SHOP) == ["default/b"]
    assert list(envoy.secrets) == ["default/b"]
    assert kube.problems == (
        (
            "Ingress/default/web: DuplicateTLS: spec.tls[1].hosts[0]: TLS of host shop.example.com is "
            "already that of an earlier entry of this Ingress, not of Secret default/a and its TLS versions"
        ),
    )


def test_the_secret_of_the_oldest_ingress_counts(kube: Kube, envoy: Envoy) -> None:
    """Also against one with a key of another type; the younger is told, and follows when the older goes."""
    old = ingress("old", to="kuard:80", created="2026-01-01T00:00:00Z", tls=[tls(SHOP, secret="old")])
    new = ingress("new", created="2026-01-02T00:00:00Z", tls=[tls(SHOP, secret="new")])
    kube.apply(old, new, KUARD, secret("old", pair(SHOP)), secret("new", pair(SHOP, kind="RSA")))

    assert handshake.secrets(envoy.https, SHOP) == ["default/old"]
    assert kube.reasons == ["Ingress/default/new DuplicateTLS spec.tls[0].hosts[0]"]

    kube.apply(ingress("old", to="kuard:80", created="2026-01-01T00:00:00Z"))

    assert handshake.secrets(envoy.https, SHOP) == ["default/new"]
    assert kube.problems == ()


def test_the_same_secret_in_two_ingresses_is_no_conflict(kube: Kube, envoy: Envoy) -> None:
    """As long as they ask for the same versions of TLS."""
    kube.apply(WEB, ingress("too", tls=[tls(SHOP, secret="web")]), KUARD, secret("web", pair(SHOP)))

    assert handshake.secrets(envoy.https, SHOP) == ["default/web"]
    assert kube.problems == ()


def test_a_missing_secret_leaves_http_alone_and_is_told(kube: Kube, envoy: Envoy) -> None:
    """Once, however many hosts it is for; another host is served, and this one as soon as the Secret is
    there.
    """
    both = ingress("web", to="kuard:80", tls=[tls(SHOP, "b.com", secret="web")])
    kube.apply(both, ingress("b", to="kuard:80", host="b.com"), KUARD)

    assert (handshake.answer(envoy.https, SHOP), envoy.https_hosts) == (None, {})
    assert sorted(envoy.hosts) == ["b.com", SHOP]
    assert kube.reasons == ["Ingress/default/web SecretNotFound spec.tls[0].secretName"]

    kube.apply(secret("web", pair(SHOP, "b.com")))

    assert handshake.secrets(envoy.https, SHOP) == ["default/web"]
    assert kube.problems == ()


def test_a_secret_that_goes_takes_https_with_it(kube: Kube, envoy: Envoy) -> None:
    """Nothing of it is kept."""
    kube.apply(WEB, KUARD, secret("web", pair(SHOP)))
    kube.delete("Secret/default/web")

    assert (handshake.answer(envoy.https, SHOP), envoy.https_hosts, envoy.secrets) == (None, {}, {})
    assert list(envoy.hosts) == [SHOP]


def test_a_broken_secret_leaves_http_alone_and_is_told(kube: Kube, envoy: Envoy) -> None:
    """Its handshake finds no certificate; whoever holds a version that was good keeps it."""
    kube.apply(WEB, KUARD, secret("web", BROKEN))

    assert envoy.secrets == {}
    assert envoy.hosts == {SHOP: SHOPS}
    assert kube.problems == (
        (
            "Ingress/default/web: InvalidSecret: spec.tls[0].secretName: Secret default/web cannot be "
            "served: tls.crt holds no certificate in PEM, or one that cannot be read; "
            "there is no good version of it"
        ),
    )


def test_a_secret_that_turns_bad_keeps_its_last_good_version(kube: Kube, envoy: Envoy) -> None:
    """And says so, until it is good again."""
    kube.apply(WEB, KUARD, secret("web", pair(SHOP)))
    before = envoy.secrets, envoy.https

    kube.apply(secret("web", BROKEN))

    assert (envoy.secrets, envoy.https) == before
    assert kube.problems == (
        (
            "Ingress/default/web: InvalidSecret: spec.tls[0].secretName: Secret default/web cannot be "
            "served: tls.crt holds no certificate in PEM, or one that cannot be read; "
            "its last good version is served"
        ),
    )

    kube.apply(secret("web", pair(SHOP, number=1)))

    assert envoy.secrets["default/web"].tls_certificate.private_key.inline_bytes == pair(SHOP, number=1).key
    assert kube.problems == ()


def test_a_renewed_secret_changes_nothing_but_itself(kube: Kube, envoy: Envoy) -> None:
    """No listener, so no connection is lost."""
    kube.apply(WEB, KUARD, secret("web", pair(SHOP)))
    before = envoy.listeners, envoy.https_hosts

    kube.apply(secret("web", pair(SHOP, number=1)))

    assert (envoy.listeners, envoy.https_hosts) == before
    assert envoy.secrets["default/web"].tls_certificate.certificate_chain.inline_bytes == (
        pair(SHOP, number=1).chain
    )


def test_only_a_secret_that_is_named_is_sent(kube: Kube, envoy: Envoy) -> None:
    """And nothing is told of any other, good or bad."""
    kube.apply(WEB, KUARD, *[secret(name, pair(SHOP)) for name in ("web", "other")], secret("bad", BROKEN))

    assert list(envoy.secrets) == ["default/web"]
    assert kube.problems == ()


def test_hosts_with_one_secret_and_the_same_settings_share_a_chain(kube: Kube, envoy: Envoy) -> None:
    """Its name is 24 hex digits, and stays when hosts come and go."""
    kube.apply(WEB, KUARD, secret("web", pair(SHOP, "b.com")), secret("c", pair("c.com")))
    before = list(envoy.https.filter_chains)

    kube.apply(ingress("b", to="kuard:80", host="b.com", tls=[tls("b.com", secret="web")]))

    assert list(envoy.https.filter_chains) == before
    assert re.fullmatch("[0-9a-f]{24}", before[0].name)

    kube.apply(ingress("c", to="kuard:80", host="c.com", tls=[tls("c.com", secret="c")]))

    assert len(envoy.https.filter_chains) == 2


def test_tls_has_forward_secrecy_and_both_versions_of_http(kube: Kube, envoy: Envoy) -> None:
    """From 1.2 to 1.3."""
    kube.apply(WEB, KUARD, secret("web", pair(SHOP)))

    context = handshake.context(handshake.answer(envoy.https, SHOP))
    assert handshake.versions(envoy.https, SHOP) == ("TLSv1_2", "TLSv1_3")
    assert list(context.alpn_protocols) == ["h2", "http/1.1"]
    assert list(context.tls_params.cipher_suites) == [
        "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
        "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
    ]
    assert [item.sds_config.HasField("ads") for item in context.tls_certificate_sds_secret_configs] == [True]


MINIMUM = "projectcontour.io/tls-minimum-protocol-version"
MAXIMUM = "projectcontour.io/tls-maximum-protocol-version"


@pytest.mark.parametrize(
    ("annotations", "meant"),
    [
        ({MINIMUM: "1.3"}, ("TLSv1_3", "TLSv1_3")),
        ({MAXIMUM: "1.2"}, ("TLSv1_2", "TLSv1_2")),
        ({MINIMUM: "1.2", MAXIMUM: "1.3"}, ("TLSv1_2", "TLSv1_3")),
    ],
)
def test_an_ingress_chooses_the_versions_of_tls_for_its_hosts(
    kube: Kube, envoy: Envoy, annotations: dict[str, str], meant: tuple[str, str]
) -> None:
    """Another host with the same Secret keeps its own."""
    kube.apply(
        ingress("web", to="kuard:80", tls=[tls(SHOP, secret="web")], annotations=annotations),
        ingress("b", to="kuard:80", host="b.com", tls=[tls("b.com", secret="web")]),
        KUARD,
        secret("web", pair(SHOP, "b.com")),
    )

    assert handshake.versions(envoy.https, SHOP) == meant
    assert handshake.versions(envoy.https, "b.com") == ("TLSv1_2", "TLSv1_3")
    assert kube.problems == ()


@pytest.mark.parametrize(
    ("annotations", "named"),
    [
        ({MINIMUM: "1.3", MAXIMUM: "1.2"}, MINIMUM),
        ({MINIMUM: "1.1"}, MINIMUM),
        ({MAXIMUM: "TLSv1.3"}, MAXIMUM),
    ],
)
def test_versions_that_cannot_be_are_told_and_the_defaults_hold(
    kube: Kube, envoy: Envoy, annotations: dict[str, str], named: str
) -> None:
    """Both, where the minimum is above the maximum."""
    kube.apply(
        ingress("web", to="kuard:80", tls=[tls(SHOP, secret="web")], annotations=annotations),
        KUARD,
        secret("web", pair(SHOP)),
    )

    assert handshake.versions(envoy.https, SHOP) == ("TLSv1_2", "TLSv1_3")
    assert kube.reasons == [f"Ingress/default/web InvalidAnnotation metadata.annotations.{named}"]


def test_versions_that_differ_from_the_older_ingress_are_told(kube: Kube, envoy: Envoy) -> None:
    """Those of the older count."""
    other = ingress("z", tls=[tls(SHOP, secret="web")], annotations={MINIMUM: "1.3"})
    kube.apply(WEB, other, KUARD, secret("web", pair(SHOP)))

    assert handshake.versions(envoy.https, SHOP) == ("TLSv1_2", "TLSv1_3")
    assert kube.reasons == ["Ingress/default/z DuplicateTLS spec.tls[0].hosts[0]"]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (tls("bad_host", secret="web"), "InvalidHost spec.tls[0].hosts[0]"),
        (tls("", secret="web"), "InvalidHost spec.tls[0].hosts[0]"),
        ({"hosts": "a.com", "secretName": "web"}, "InvalidField spec.tls[0].hosts"),
        ({"hosts": [7], "secretName": "web"}, "InvalidField spec.tls[0].hosts[0]"),
        ({"secretName": "a/b"}, "InvalidField spec.tls[0].secretName"),
        ({"secretName": 7}, "InvalidField spec.tls[0].secretName"),
        (tls(SHOP), "SecretNotNamed spec.tls[0].secretName"),
        ("web", "InvalidField spec.tls[0]"),
    ],
)
def test_what_is_wrong_with_one_entry_of_tls_concerns_it_alone(
    kube: Kube, envoy: Envoy, entry: object, reason: str
) -> None:
    """The next is served."""
    both = ingress("web", to="kuard:80", tls=[entry, tls(SHOP, secret="web")])
    kube.apply(both, KUARD, secret("web", pair(SHOP)))

    assert handshake.secrets(envoy.https, SHOP) == ["default/web"]
    assert f"Ingress/default/web {reason}" in kube.reasons


def test_a_secret_that_was_never_good_keeps_its_host_for_its_ingress(kube: Kube, envoy: Envoy) -> None:
    """An Envoy may hold a good version of it, and a restart must give nobody's host to somebody else."""
    other = ingress(
        "young", to="kuard:80", host=SHOP, created="2026-01-02T00:00:00Z", tls=[tls(SHOP, secret="b")]
    )
    old = ingress(
        "old", to="kuard:80", host=SHOP, created="2026-01-01T00:00:00Z", tls=[tls(SHOP, secret="a")]
    )

    kube.apply(old, other, KUARD, secret("a", BROKEN), secret("b", pair(SHOP)))

    assert handshake.secrets(envoy.https, SHOP) == ["default/a"]
    assert "default/b" not in envoy.secrets


def test_the_secret_of_a_rule_without_host_is_told_beside_a_default_certificate_too() -> None:
    """It is served to nobody: what is for no known host gets the default certificate."""
    ref, spec = "Ingress/default/web", {"tls": [{"secretName": "s"}], "rules": [{"http": {"paths": []}}]}
    told: list[Problem] = []
    translator = Translator(Settings(default_certificate="default/d"))
    view = Derivation(translator._store, Settings(default_certificate="default/d"))

    list(read(view, Field(ref, {"spec": spec}, "", told)["spec"], {}, Field(ref, {}, "annotations", told)))

    assert [problem.reason for problem in told] == ["TLSWithoutHost"]
