"""What one change costs, counted and not timed: the same among 100 hosts and among 10,000."""

from functools import cache
from typing import Any

import orjson
import pytest

from runtime.link.row import Change, Row
from tests.stories.objects import Object, ingress, reference, service, slice_, tls
from tests.support.certificate import NOW, pair, secret
from translator.settings import Settings
from translator.translator import Output, Translator


def shop(number: int, address: str = "10.0.0.1", path: str = "kuard-{}:80") -> list[Object]:
    """A host with all it takes."""
    name = f"kuard-{number}"
    return [
        ingress(f"web-{number}", to=path.format(number), host=f"h{number}.example.com"),
        service(name, (80, "http")),
        slice_(name, (8080, "http"), address),
    ]


@cache
def translator(hosts: int) -> Translator:
    """One that has translated so many hosts."""
    rows = {reference(item): Row.of(orjson.dumps(item)) for number in range(hosts) for item in shop(number)}
    made = Translator(Settings())
    made.apply(Change(rows, frozenset(), synced=True))
    return made


def cost(hosts: int, change: Object) -> tuple[dict[str, int], dict[str, int]]:
    """Values computed by function, and bytes published by key (0: deleted), for one change, which is then
    undone.
    """
    core = translator(hosts)
    ref = reference(change)
    before = next(item for item in shop(7) if reference(item) == ref)
    core.computed.clear()
    output = core.apply(Change({ref: Row.of(orjson.dumps(change))}, frozenset(), synced=True))
    assert output is not None
    computed: dict[str, int] = dict(core.computed)
    core.apply(Change({ref: Row.of(orjson.dumps(before))}, frozenset(), synced=True))
    puts = {
        key: len(row.body) for key, row in [*output.resources.puts.items(), *output.statuses.puts.items()]
    }
    return computed, puts | dict.fromkeys(output.resources.deletes | output.statuses.deletes, 0)


CHANGES: list[Any] = [
    pytest.param(
        shop(7, address="10.0.0.2")[2],
        {"slice_": 1, "encoded": 1, "load_assignment_resource": 1, "slice_status": 1},
        {"endpoints/default/kuard-7/http": 45},
        id="an endpoint",
    ),
    pytest.param(
        shop(7)[0] | {"metadata": {"name": "web-7", "namespace": "default", "labels": {"a": "b"}}},
        {"ingress": 1, "ingress_status": 1},
        {},
        id="a label, which means nothing",
    ),
    pytest.param(
        ingress("web-7", to="kuard-8:80", host="h7.example.com"),
        {
            "ingress": 1,
            "merged": 1,
            "losses": 1,
            "served": 1,
            "claims": 1,
            "http_host": 1,
            "of_ingress": 1,
            "conflicts": 1,
            "virtual_host": 1,
            "host_resource": 1,
            "ingress_status": 1,
        },
        {
            "hosts/ingress_http/h7.example.com": 97,
            "clusters/default/kuard-7/80": 0,
            "endpoints/default/kuard-7/http": 0,
        },
        id="a backend",
    ),
]


LIMITED = service("kuard-7", (80, "http"))
LIMITED["metadata"]["annotations"] = {"projectcontour.io/max-requests": "1"}
CHANGES += [
    pytest.param(
        LIMITED,
        {"service": 1, "service_status": 1, "ingress": 1, "cluster_resource": 1},
        {"clusters/default/kuard-7/80": 70},
        id="a limit of a Service, which no host hears of",
    ),
    pytest.param(
        shop(7)[1] | {"metadata": {"name": "kuard-7", "namespace": "default", "annotations": {"a": "b"}}},
        {"service": 1},
        {},
        id="an annotation of a Service that is not ours",
    ),
    pytest.param(
        ingress("web-7", to="kuard-7:80", host="h7.example.com", ingressClassName="isoline"),
        {"ingress": 1, "ingress_status": 1},
        {},
        id="a class that says what went without saying",
    ),
]


@pytest.mark.parametrize(("change", "computed", "published"), CHANGES)
def test_one_change_costs_the_same_at_100_and_at_10000_hosts(
    change: Object, computed: dict[str, int], published: dict[str, int]
) -> None:
    """Every value that is computed, and every byte that is published."""
    assert cost(100, change) == cost(10_000, change) == (computed, published)


def secured(number: int, of: int) -> list[Object]:
    """A host with one of `of` Secrets."""
    host = f"h{number}.example.com"
    return [
        ingress(f"web-{number}", to="kuard:80", host=host, tls=[tls(host, secret=f"s-{number % of}")]),
        secret(f"s-{number % of}", pair("*.example.com")),
    ]


def change(core: Translator, *items: Object) -> tuple[Output, dict[str, int]]:
    """What follows from a change, and which values it has computed."""
    core.computed.clear()
    output = core.apply(
        Change({reference(item): Row.of(orjson.dumps(item)) for item in items}, frozenset(), synced=True)
    )
    assert output is not None
    return output, dict(core.computed)


@cache
def with_tls(hosts: int, secrets: int) -> Translator:
    """One that has translated so many TLS hosts with so many Secrets."""
    core = Translator(Settings())
    core.advance(NOW.timestamp())
    change(core, service("kuard", (80, "http")), *[i for n in range(hosts) for i in secured(n, secrets)])
    return core


@pytest.mark.parametrize(("hosts", "secrets"), [(10, 1), (1_000, 100), (1_000, 1)])
def test_a_renewed_secret_is_one_resource_and_one_value(hosts: int, secrets: int) -> None:
    """However many hosts it is for; and no status."""
    core = with_tls(hosts, secrets)
    for number in (1, 0):
        output, computed = change(core, secret("s-0", pair("*.example.com", number=number)))

        assert output.resources.puts.keys() == {"secrets/default/s-0"}
        assert computed == {"secret_resource": 1}
        assert (output.resources.deletes, output.statuses.puts) == (frozenset(), {})


@pytest.mark.parametrize("hosts", [10, 1_000])
def test_a_tls_host_added_changes_the_listener_and_its_own_host(hosts: int) -> None:
    """And the matcher of the listener alone: chains stay, and nothing of another host is computed."""
    core = with_tls(hosts, 10)
    before = len(core._resources["listeners/ingress_https"].body)  # type: ignore[union-attr]

    output, computed = change(core, secured(5_000, 10)[0])

    assert output.resources.puts.keys() == {
        "listeners/ingress_https",
        "hosts/ingress_http/h5000.example.com",
        "hosts/ingress_https/h5000.example.com",
    }
    assert len(output.resources.puts["listeners/ingress_https"].body) - before <= 130
    assert {name: runs for name, runs in computed.items() if runs > 1} == {"host_resource": 2}
    assert "filter_chain" not in computed
    core.apply(Change({}, frozenset({"Ingress/default/web-5000"}), synced=True))


def test_a_listener_takes_130_bytes_a_host_and_2_kb_a_secret() -> None:
    """Counted together, at 5,000 hosts with 100 Secrets."""
    core = with_tls(5_000, 100)

    size = len(core._resources["listeners/ingress_https"].body)  # type: ignore[union-attr]

    assert size <= 130 * 5_000 + 2_000 * 100
