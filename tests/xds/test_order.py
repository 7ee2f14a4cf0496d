"""Make before break: what is pointed at comes first and goes last, for each Envoy (rules O1 to O10)."""

import pytest

from tests.xds.harness import Delta, World, cluster, endpoints, front, host, row, site

A, B, C = ("ingress_http/a.example.com", "ingress_http/b.example.com", "ingress_http/c.example.com")


@pytest.fixture
def world() -> World:
    """Two sites, no grace."""
    return World(site("a"), site("b"), front())


@pytest.fixture
def envoy(world: World) -> Delta:
    return world.envoy("a", "b")


# O1, additions


def test_everything_asked_for_at_once_comes_in_the_order_of_its_use(world: World) -> None:
    """Clusters, endpoints, listeners, routes; whatever the order of the requests (O9)."""
    client = world.delta()
    client.ask("routes", subscribe=["ingress_http"])
    client.ask("listeners")
    client.ask("endpoints", subscribe=["ns/a/http"])
    client.ask("clusters")

    assert [type_ for type_, _, _ in client.settle()] == ["clusters", "endpoints", "listeners", "routes"]


def test_a_host_waits_until_its_cluster_is_acknowledged(world: World, envoy: Delta) -> None:
    """A route to a cluster that isn't there answers 503."""
    world.put(site("c"))
    assert envoy.says() == [("clusters", {"ns/c/80": "1"}, [])]
    assert envoy.stream.deadline == world.now + 5

    envoy.ack("clusters")

    assert envoy.says() == [("hosts", {C: "1"}, [])]


def test_an_acknowledged_load_assignment_says_that_its_cluster_is_held(world: World, envoy: Delta) -> None:
    """The acknowledgement of clusters may be late for another's sake."""
    world.put(site("c"))
    envoy.pull()
    envoy.ask("endpoints", subscribe=["ns/c/http"])
    assert envoy.says() == [("endpoints", {"ns/c/http": "1"}, [])]

    envoy.ack("endpoints")

    assert envoy.says() == [("hosts", {C: "1"}, [])]


def test_one_slow_cluster_holds_back_only_the_hosts_that_need_it(world: World, envoy: Delta) -> None:
    """Of two new ones one is warm; the acknowledgement of clusters comes when both are."""
    world.put(site("c"), site("d"))
    envoy.pull()
    envoy.ask("endpoints", subscribe=["ns/c/http"])
    envoy.pull()
    assert envoy.says() == []

    envoy.ack("endpoints")
    assert envoy.says() == [("hosts", {C: "1"}, [])]

    world.put(host("a", "2", to="b"))
    assert envoy.says() == [("hosts", {A: "2"}, [])]


def test_a_cluster_that_changed_is_held_as_it_was(world: World, envoy: Delta) -> None:
    """Envoy keeps the old one while the new one warms: a route to it loses nothing."""
    world.put(cluster("a", "2"))
    envoy.pull()

    world.put(host("a", "2"))

    assert envoy.says() == [("hosts", {A: "2"}, [])]


def test_a_cluster_whose_change_was_refused_is_held_as_it_was(world: World, envoy: Delta) -> None:
    """So its hosts go on changing without a wait."""
    world.put(cluster("a", "bad"))
    envoy.pull()
    envoy.nack("Error adding/updating cluster(s) ns/a/80: bad", "clusters")
    envoy.settle()

    world.put(host("a", "2"))

    assert envoy.says() == [("hosts", {A: "2"}, [])]


def test_what_a_refusal_of_clusters_does_not_name_is_held(world: World, envoy: Delta) -> None:
    """Envoy takes the good ones (D6): the host of one goes, as soon as the bad one stands alone."""
    world.put(site("c"), site("d"))
    envoy.pull()
    envoy.nack("Error adding/updating cluster(s) ns/d/80: bad", "clusters")

    for answer in envoy.pull():
        envoy.answer(answer, "bad" if "ns/d/80" in answer.messages else None)

    assert C in envoy.pull()[0].messages


def test_a_host_waits_five_seconds_at_most(world: World, envoy: Delta) -> None:
    """One bad cluster must not freeze others for ever (O4)."""
    world.put(site("c"))
    envoy.pull()
    world.now += 4.9
    assert envoy.says() == []

    world.now += 0.2

    assert envoy.says() == [("hosts", {C: "1"}, [])]
    assert envoy.says() == []


def test_a_second_change_does_not_lengthen_the_wait(world: World, envoy: Delta) -> None:
    """A host that changes each second would else never arrive."""
    world.put(site("c"))
    envoy.pull()
    for content in "2345":
        world.now += 1.2
        world.put(host("c", content))
        envoy.pull()

    world.now += 0.3

    envoy.pull()
    assert envoy.answers[-1].told[0] == "hosts"
    assert envoy.answers[-1].messages.keys() == {C}


def test_a_host_that_was_waiting_comes_as_it_is_by_then(world: World, envoy: Delta) -> None:
    """Pulled, not pushed: the newest state is sent."""
    world.put(site("c"))
    envoy.pull()
    world.put(host("c", "2"))

    envoy.ack("clusters")

    assert envoy.says() == [("hosts", {C: "2"}, [])]


def test_a_host_that_goes_while_it_waits_is_not_sent(world: World, envoy: Delta) -> None:
    """Nor is anything else of it left to wait for."""
    world.put(site("c"))
    envoy.pull()
    world.delete("hosts/ingress_http/c.example.com")

    envoy.ack("clusters")

    assert all(resources == {} for _, resources, _ in envoy.settle())
    assert envoy.stream.deadline is None


def test_a_refused_cluster_freezes_no_host_of_another(world: World, envoy: Delta) -> None:
    """Its own waits as for any cluster that isn't held: five seconds, then the rest of the host is served."""
    world.put(site("c"))
    envoy.pull()
    envoy.nack("Error adding/updating cluster(s) ns/c/80: bad", "clusters")
    world.put(host("a", "2"))
    sent = {name for _, resources, _ in envoy.settle() for name in resources}
    assert A in sent
    assert C not in sent

    world.now += 5.1
    envoy.settle()

    assert C in {name for answer in envoy.answers for name in answer.messages}


def test_routes_of_a_set_wait_for_their_clusters_too(world: World) -> None:
    """State of the World: the route configuration is what waits."""
    client = world.sotw()
    client.ask("clusters")
    client.settle()
    client.ask("endpoints", ["ns/a/http", "ns/b/http"])
    client.ask("routes", ["ingress_http"])
    client.settle()
    world.put(site("c"))
    assert client.says() == [("clusters", {"ns/a/80": "1", "ns/b/80": "1", "ns/c/80": "1"}, [])]

    client.ack("clusters")

    (answer,) = client.pull()
    assert [found.name for found in answer.messages["ingress_http"].virtual_hosts] == [A, B, C]


def test_a_listener_waits_for_its_secret_to_be_in_the_table(world: World, envoy: Delta) -> None:
    """Not for its acknowledgement: Envoy asks for it only when it has the listener."""
    world.put(row("listeners/ingress_https", needs=["secrets/ns/tls"]))
    assert envoy.says() == []

    world.put(row("secrets/ns/tls"))

    assert envoy.says() == [("listeners", {"ingress_https": "1"}, [])]


def test_what_is_never_there_is_not_waited_for_longer(world: World, envoy: Delta) -> None:
    """Each wait is bounded: a listener without its Secret, a host without its cluster."""
    world.put(row("listeners/ingress_https", needs=["secrets/ns/none"]), host("c", to="none"))
    assert envoy.says() == []
    assert envoy.stream.deadline == world.now + 5

    world.now += 5.1

    assert envoy.says() == [("listeners", {"ingress_https": "1"}, []), ("hosts", {C: "1"}, [])]
    assert envoy.stream.deadline is None


def test_the_acknowledgement_of_an_older_version_says_that_a_cluster_is_held(
    world: World, envoy: Delta
) -> None:
    """It changed again before that came."""
    world.put(site("c"))
    envoy.pull()
    world.put(cluster("c", "2"))
    envoy.pull()
    first = envoy.unanswered[0]

    envoy.answer(first, None)

    assert envoy.says() == [("hosts", {C: "1"}, [])]


def test_an_older_acknowledgement_of_a_shared_load_assignment_says_nothing_of_a_new_cluster(
    world: World, envoy: Delta
) -> None:
    """A Service's port by number and by name are two clusters with one load assignment."""
    world.put(endpoints("a", "2"))
    envoy.pull()
    world.put(row("clusters/ns/c/80", needs=["endpoints/ns/a/http"]), host("c"))
    assert envoy.says() == [("clusters", {"ns/c/80": "1"}, []), ("endpoints", {"ns/a/http": "2"}, [])]
    older, newer = (answer for answer in envoy.unanswered if answer.type == "endpoints")

    envoy.answer(older, None)
    assert envoy.says() == []

    envoy.answer(newer, None)
    assert envoy.says() == [("hosts", {C: "1"}, [])]


# O1, removals


def test_removals_come_last_and_in_the_reverse_order(world: World) -> None:
    """Host, then listener, then endpoints and cluster, each when the one before is acknowledged."""
    envoy = world.envoy("a", "b", "c")
    world.put(row("listeners/extra"), site("d"))
    envoy.ask("endpoints", subscribe=["ns/d/http"])
    envoy.settle()

    world.put(
        host("a", "2"),
        delete=[
            "listeners/extra",
            "hosts/ingress_http/d.example.com",
            "clusters/ns/d/80",
            "endpoints/ns/d/http",
        ],
    )

    told = envoy.settle()
    assert told[0] == ("hosts", {A: "2"}, []) or told[0] == (
        "hosts",
        {A: "2"},
        ["ingress_http/d.example.com"],
    )
    removed = [(type_, name) for type_, _, names in told for name in names]
    assert removed == [
        ("hosts", "ingress_http/d.example.com"),
        ("listeners", "extra"),
        ("endpoints", "ns/d/http"),
        ("clusters", "ns/d/80"),
    ]


def test_a_cluster_goes_when_the_host_that_left_it_is_acknowledged(world: World, envoy: Delta) -> None:
    """Until then a request may be routed to it."""
    world.put(host("a", "2", to="b"), delete=["clusters/ns/a/80", "endpoints/ns/a/http"])
    assert envoy.says() == [("hosts", {A: "2"}, [])]

    envoy.ack()

    removed = [(type_, names) for type_, _, names in envoy.settle()]
    assert removed == [("endpoints", ["ns/a/http"]), ("clusters", ["ns/a/80"])]


def test_a_switch_of_backends_adds_moves_and_removes(world: World, envoy: Delta) -> None:
    """In one batch: cluster, host, old cluster (O2: each other order lost requests)."""
    world.put(
        cluster("c"),
        endpoints("c"),
        host("a", "2", to="c"),
        delete=["clusters/ns/a/80", "endpoints/ns/a/http"],
    )

    told = envoy.settle()

    assert told[:2] == [("clusters", {"ns/c/80": "1"}, []), ("hosts", {A: "2"}, [])]
    assert [(type_, names) for type_, _, names in told[2:]] == [
        ("endpoints", ["ns/a/http"]),
        ("clusters", ["ns/a/80"]),
    ]


# O3, a changed cluster


def test_a_changed_cluster_is_followed_by_its_load_assignment(world: World, envoy: Delta) -> None:
    """Envoy warms it anew and does not ask: without it, it would wait 15 s."""
    world.put(cluster("a", "2"))

    assert envoy.says() == [("clusters", {"ns/a/80": "2"}, []), ("endpoints", {"ns/a/http": "1"}, [])]


def test_a_cluster_that_changed_while_its_envoy_was_away_is_followed_too(world: World, envoy: Delta) -> None:
    """The first request of endpoints names a version that is the newest."""
    envoy.close()
    world.put(cluster("a", "2"))
    client = world.delta()
    client.ask("clusters", initial=envoy.versions("clusters"))
    assert client.says() == [("clusters", {"ns/a/80": "2"}, [])]

    names = ["ns/a/http", "ns/b/http"]
    client.ask("endpoints", subscribe=names, initial=envoy.versions("endpoints"))

    assert client.says() == [("endpoints", {"ns/a/http": "1"}, [])]


def test_a_cluster_that_goes_and_comes_back_is_followed_too(world: World, envoy: Delta) -> None:
    """It is a new one to Envoy."""
    world.put(host("a", "2", to="b"), delete=["clusters/ns/a/80"])
    envoy.settle()

    world.put(cluster("a"))

    told = envoy.says()
    assert told[0] == ("clusters", {"ns/a/80": "1"}, [])
    assert ("endpoints", {"ns/a/http": "1"}, []) in told


# O5, grace


@pytest.fixture
def patient() -> World:
    """Two sites; clusters outlive their routes by 60 s."""
    return World(site("a"), site("b"), front(), grace=60.0)


def test_a_cluster_outlives_its_last_route(patient: World) -> None:
    """Requests under way are answered, their retries included."""
    envoy = patient.envoy("a", "b")
    patient.put(host("a", "2", to="b"), delete=["clusters/ns/a/80", "endpoints/ns/a/http"])
    assert envoy.settle() == [("hosts", {A: "2"}, [])]
    assert envoy.stream.deadline == patient.now + 60
    patient.now += 59
    assert envoy.settle() == []

    patient.now += 2

    assert envoy.settle() == [("endpoints", {}, ["ns/a/http"]), ("clusters", {}, ["ns/a/80"])]
    assert envoy.stream.deadline is None


def test_the_grace_begins_when_the_routes_are_acknowledged(patient: World) -> None:
    """However late that is."""
    envoy = patient.envoy("a", "b")
    patient.put(host("a", "2", to="b"), delete=["clusters/ns/a/80"])
    envoy.pull()
    patient.now += 100
    assert envoy.says() == []

    envoy.ack()
    assert envoy.says() == []
    patient.now += 61

    assert envoy.settle() == [("clusters", {}, ["ns/a/80"])]


def test_a_cluster_that_comes_back_within_its_grace_stays(patient: World) -> None:
    """Whether or not it is sent again, it is not removed."""
    envoy = patient.envoy("a", "b")
    patient.put(host("a", "2", to="b"), delete=["clusters/ns/a/80"])
    envoy.settle()

    patient.put(cluster("a", "2"))
    told = envoy.settle()
    patient.now += 61
    told += envoy.settle()

    assert [name for _, _, removed in told for name in removed] == []
    assert ("clusters", {"ns/a/80": "2"}, []) in told


def test_a_set_keeps_a_cluster_in_its_grace(patient: World) -> None:
    """What a set leaves out is deleted at once, so another change must not leave it out."""
    client = patient.sotw()
    client.ask("clusters")
    client.settle()
    client.ask("endpoints", ["ns/a/http", "ns/b/http"])
    client.ask("routes", ["ingress_http"])
    client.settle()
    patient.put(host("a", "2", to="b"), delete=["clusters/ns/a/80", "endpoints/ns/a/http"])
    assert [type_ for type_, _, _ in client.settle()] == ["routes"]

    patient.put(site("c"))
    told = [resources for type_, resources, _ in client.settle() if type_ == "clusters"]
    assert [set(resources) for resources in told] == [{"ns/a/80", "ns/b/80", "ns/c/80"}]

    patient.now += 61

    told = [resources for type_, resources, _ in client.settle() if type_ == "clusters"]
    assert [set(resources) for resources in told] == [{"ns/b/80", "ns/c/80"}]


def test_who_connects_again_keeps_a_cluster_that_is_gone_for_the_grace(patient: World) -> None:
    """Its old routes lead there until it has the new ones."""
    old = patient.envoy("a", "b")
    old.close()
    patient.put(host("a", "2", to="b"), delete=["clusters/ns/a/80", "endpoints/ns/a/http"])
    client = patient.delta()
    client.ask("clusters", initial=old.versions("clusters"))
    client.ask("listeners", initial=old.versions("listeners"))
    assert client.settle() == [("clusters", {}, []), ("listeners", {}, [])]

    client.ask("routes", subscribe=["ingress_http"], initial=old.versions("routes"))
    client.ask("hosts", initial=old.versions("hosts"))
    assert client.settle() == [("hosts", {A: "2"}, [])]
    patient.now += 59
    assert client.settle() == []

    patient.now += 2
    assert client.settle() == [("clusters", {}, ["ns/a/80"])]


def test_a_cluster_stays_while_the_host_that_left_it_is_refused(patient: World) -> None:
    """Its Envoy goes on with the old host, which leads there."""
    envoy = patient.envoy("a", "b")
    patient.put(host("a", "bad", to="b"), delete=["clusters/ns/a/80"])
    envoy.pull()
    envoy.nack("bad host")
    patient.now += 1000
    assert envoy.settle() == []

    patient.put(host("a", "good", to="b"))
    assert envoy.settle() == [("hosts", {A: "good"}, [])]
    patient.now += 61

    assert envoy.settle() == [("clusters", {}, ["ns/a/80"])]


def test_a_secret_goes_when_the_listener_that_left_it_is_acknowledged(world: World) -> None:
    """Its chain would else wait for a Secret that never comes."""
    world.put(row("secrets/ns/tls"), front("1", secrets=["ns/tls"]))
    envoy = world.envoy("a", secrets=["ns/tls"])

    world.put(front("2"), delete=["secrets/ns/tls"])

    told = envoy.pull()
    assert [answer.type for answer in told] == ["listeners", "routes"]
    envoy.ack()
    assert envoy.says() == [("secrets", {}, ["ns/tls"])]


def test_each_removal_has_its_own_grace(patient: World) -> None:
    """One that comes while another is waited for is not sent with it."""
    envoy = patient.envoy("a", "b")
    patient.put(host("a", "2", to="b"), delete=["clusters/ns/a/80"])
    envoy.settle()
    patient.now += 50
    patient.put(delete=[f"hosts/{A}", f"hosts/{B}", "clusters/ns/b/80"])
    assert envoy.settle() == [("hosts", {}, [A, B])]

    patient.now += 11
    assert envoy.settle() == [("clusters", {}, ["ns/a/80"])]

    patient.now += 48
    assert envoy.settle() == []

    patient.now += 12
    assert envoy.settle() == [("clusters", {}, ["ns/b/80"])]


# Shards


def test_a_removal_waits_while_a_row_of_another_shard_needs_it() -> None:
    """Batches of different shards have no order between them."""
    world = World(sources=2)
    world.put(cluster("a"), endpoints("a"), cluster("b"), endpoints("b"), source=0)
    world.put(front(), host("a"), source=1)
    envoy = world.envoy("a", "b")

    world.delete("clusters/ns/a/80", "endpoints/ns/a/http", source=0)
    assert envoy.settle() == []

    world.put(host("a", "2", to="b"), source=1)
    told = envoy.settle()
    assert told[0] == ("hosts", {A: "2"}, [])
    assert [(type_, removed) for type_, _, removed in told[1:]] == [
        ("endpoints", ["ns/a/http"]),
        ("clusters", ["ns/a/80"]),
    ]


def test_a_host_waits_for_a_cluster_that_another_shard_has_yet_to_publish() -> None:
    """The other way round."""
    world = World(sources=2)
    world.put(front(), source=0)
    world.put(cluster("a"), endpoints("a"), source=1)
    envoy = world.envoy("a")
    world.put(host("c"), source=0)
    assert envoy.says() == []

    world.put(cluster("c"), endpoints("c"), source=1)

    assert [type_ for type_, _, _ in envoy.settle()] == ["clusters", "hosts"]


def test_a_host_waits_for_a_cluster_that_waits_itself() -> None:
    """For its load assignment, which a third shard has yet to publish."""
    world = World(sources=2)
    world.put(site("a"), front(), source=0)
    world.put(source=1)
    envoy = world.envoy("a")
    world.put(cluster("c"), host("c"), source=0)
    assert envoy.says() == []

    world.put(endpoints("c"), source=1)

    assert envoy.says() == [("clusters", {"ns/c/80": "1"}, [])]
    envoy.ack()
    assert envoy.says() == [("hosts", {C: "1"}, [])]
