"""What may not be read: told, held, and in whose way it stands."""

import orjson
import pytest

from tests.watcher.cluster.bodies import added, secret, service, whole
from tests.watcher.cluster.driven import Driven, source
from tests.watcher.cluster.together import CERTIFICATES, OPAQUE, SERVICES, Together

NO_SECRETS = 'secrets is forbidden: User "isoline" cannot list resource "secrets"'
TOLD = f"Forbidden: 403: {NO_SECRETS}"


@pytest.fixture
def both() -> Together:
    """Services are listed, Secrets never were: they are forbidden."""
    made = Together(SERVICES, CERTIFICATES)
    made.lists(SERVICES, service("s"))
    made.refuses(CERTIFICATES, 403, NO_SECRETS)
    made.take()
    return made


def test_a_resource_that_may_not_be_read_is_told_and_the_others_go_on(both: Together) -> None:
    """K5: as a row, since it is the operator who can help."""
    assert both.objects == ["API//secrets", "Service/s"]
    assert both.told("secrets") == [TOLD]


def test_what_could_never_be_read_is_held() -> None:
    """Who has rows of it, from before a restart, keeps them: `held` on the link."""
    both = Together(SERVICES, CERTIFICATES)
    both.lists(SERVICES)
    both.refuses(CERTIFICATES, 403, NO_SECRETS)

    batch = both.take()

    assert batch is not None
    assert batch.held == {"secrets type=kubernetes.io/tls"}


@pytest.mark.parametrize("then", ["breaks", "503"])
def test_an_outage_does_not_let_go_of_what_is_held(both: Together, then: str) -> None:
    """It says nothing about the Secrets; those of a translator would be gone, and with them all HTTPS."""
    both[CERTIFICATES].ask()
    if then == "breaks":
        both[CERTIFICATES].breaks()
    else:
        both[CERTIFICATES].refuses(503)
    both[SERVICES].says(added(service("t", 5)))

    batch = both.take()

    assert batch is not None
    assert batch.held == {"secrets type=kubernetes.io/tls"}
    assert both.told("secrets") == [TOLD]


def test_what_is_held_is_held_until_its_list_is_whole(both: Together) -> None:
    """That it may be read now is not yet that it was."""
    both[CERTIFICATES].ask()
    both[CERTIFICATES].opens(added(secret("c", 5)))
    both[SERVICES].says(added(service("t", 5)))
    batch = both.take()
    assert batch is not None
    assert batch.held == {"secrets type=kubernetes.io/tls"}

    both[CERTIFICATES].says(whole(6))
    batch = both.take()

    assert batch is not None
    assert (batch.held, both.told("secrets")) == (frozenset(), [])
    assert both.objects == ["Secret/c", "Service/s", "Service/t"]


def test_what_was_read_before_it_was_forbidden_stays_and_is_not_held() -> None:
    """It is in the table."""
    both = Together(SERVICES, CERTIFICATES)
    both.lists(SERVICES)
    both.lists(CERTIFICATES, secret("c"))
    both.take()
    both.fails(CERTIFICATES)
    both.refuses(CERTIFICATES, 403, NO_SECRETS)
    both.later(0.05)

    batch = both.take()

    assert batch is not None
    assert (both.objects, batch.held) == (["API//secrets", "Secret/c"], frozenset())


def test_without_services_nothing_is_given_out() -> None:
    """Nor without Ingresses or EndpointSlices: a translator that has them would serve 503 for everything."""
    both = Together(SERVICES, CERTIFICATES)
    both.lists(CERTIFICATES)
    both.refuses(SERVICES, 403, "services is forbidden")

    assert (both.take(), both.cluster.complete) == (None, False)
    assert [each.trouble for each in both.cluster.missing] == ["403: services is forbidden"]


@pytest.mark.parametrize("kind", ["Ingress", "Service", "EndpointSlice"])
def test_what_every_cluster_needs_is_essential(kind: str) -> None:
    """And nothing else is."""
    assert source(kind).essential


@pytest.mark.parametrize("kind", ["IngressClass", "Secret", "TLSCertificateDelegation"])
def test_what_a_cluster_can_do_without_is_not_essential(kind: str) -> None:
    assert not source(kind).essential


def test_one_forbidden_namespace_of_several_is_held_and_told() -> None:
    """Rights differ by namespace; the other one is served."""
    a, b = (source("Service", namespace=namespace) for namespace in ("a", "b"))
    both = Together(a, b)
    both.lists(a, service("s", namespace="a"))
    assert both.take() is None
    both.refuses(b, 403, "no")

    batch = both.take()

    assert batch is not None
    assert batch.held == {"services of namespace b"}
    assert (both.objects, both.told("services")) == (["API//services", "Service/a/s"], ["Forbidden: 403: no"])
    assert orjson.loads(both.table["API//services"].body)["namespaces"] == ["b"]


def test_all_namespaces_forbidden_is_a_cluster_without_services() -> None:
    """So nothing is said at all."""
    a, b = (source("Service", namespace=namespace) for namespace in ("a", "b"))
    both = Together(a, b)
    both.refuses(a, 403, "no")
    both.refuses(b, 403, "no")

    assert (both.take(), both.cluster.complete) == (None, False)


def test_each_source_of_a_resource_tells_its_own_refusal() -> None:
    """Secrets are two sources, with one row."""
    both = Together(CERTIFICATES, OPAQUE)
    both.refuses(CERTIFICATES, 403, "no tls")
    both.refuses(OPAQUE, 403, "no opaque")
    both.take()
    assert both.told("secrets") == ["Forbidden: 403: no tls", "Forbidden: 403: no opaque"]

    both.lists(OPAQUE, version=4)
    both.take()

    assert both.told("secrets") == ["Forbidden: 403: no tls"]


def test_the_same_refusal_again_is_no_change(both: Together) -> None:
    """It is asked for twice a minute."""
    both.refuses(CERTIFICATES, 403, NO_SECRETS)

    assert both.take() is None


def test_a_forbidden_resource_is_asked_for_again() -> None:
    """Rights are granted while we run."""
    driven = Driven(CERTIFICATES)
    driven.ask()
    driven.refuses(403, NO_SECRETS)

    driven.lists(secret("c"), version=4)

    assert (driven.reflector.state, list(driven.rows)) == ("watching", ["Secret/default/c"])
