"""Kinds that a cluster does not have, or not yet, or no longer."""

from tests.watcher.cluster.bodies import delegation, error, service
from tests.watcher.cluster.driven import DELEGATIONS, Driven, watching

DELEGATION = "TLSCertificateDelegation/default/a"


def test_a_kind_that_the_cluster_does_not_have_is_known_to_have_no_objects() -> None:
    """K8: it is asked for again after 15 to 30 seconds."""
    driven = Driven(DELEGATIONS)
    driven.ask()

    driven.refuses(404, "the server could not find the requested resource")

    reflector = driven.reflector
    assert (reflector.state, reflector.known, reflector.current) == ("missing", True, True)
    assert (driven.waits, "sendInitialEvents" in driven.ask().query) == (22.5, True)


def test_a_kind_that_was_there_is_gone_when_the_server_has_said_so_three_times() -> None:
    """One of several servers may have just started, and not know it yet."""
    driven = watching(delegation("a"), version=4, of=DELEGATIONS)
    driven.says(error(410, "too old"))

    for _ in range(2):
        driven.ask()
        driven.refuses(404)
        assert (driven.waits, driven.reflector.state, list(driven.rows)) == (1.0, "listing", [DELEGATION])
    driven.ask()
    driven.refuses(404)

    assert (driven.reflector.state, driven.rows) == ("missing", {})
    assert "sendInitialEvents" in driven.ask().query


def test_a_kind_that_appears_is_listed_and_watched() -> None:
    """K8. Until its list is whole the cluster has none of it, which is known."""
    driven = Driven(DELEGATIONS)
    driven.ask()
    driven.refuses(404)

    driven.lists(delegation("a"), version=4)

    assert (driven.reflector.state, list(driven.rows)) == ("watching", [DELEGATION])


def test_404_for_a_kind_that_every_cluster_has_is_a_failure() -> None:
    """Somebody else answers."""
    driven = watching(service("a"), version=4)
    driven.later(300.0)
    driven.ends()
    driven.ask()

    driven.refuses(404, "page not found")

    assert (driven.reflector.state, driven.ports) == ("failing", {"a": 80})
