"""The core itself: when it gives something out, to whom, and what it forgets."""

from typing import Any

import orjson
import pytest

from runtime.link.row import Change, Row
from tests.stories.objects import ingress, reference, service, slice_
from tests.translator.histories import Fed
from translator.settings import Settings
from translator.translator import Translator

WEB = (
    ingress("web", to="kuard:80"),
    service("kuard", (80, "http")),
    slice_("kuard", (8080, "http"), "10.0.0.1"),
)
NOTHING: frozenset[str] = frozenset()


def rows(*objects: dict[str, Any]) -> dict[str, Row]:
    return {reference(item): Row.of(orjson.dumps(item)) for item in objects}


def rejection(resource: str, node: str, message: str) -> tuple[str, Row]:
    body = {"resource": resource, "node": node, "message": message, "version": "0" * 16}
    return f"{resource}|{node}", Row.of(orjson.dumps(body))


def problems(row: Row) -> list[str]:
    return [f"{problem['reason']}: {problem['message']}" for problem in orjson.loads(row.body)["problems"]]


def test_nothing_is_given_out_before_the_objects_are_complete() -> None:
    """Half a list would be half of the hosts."""
    translator = Translator(Settings())

    assert translator.apply(Change(rows(*WEB[:1]), NOTHING, synced=False)) is None
    assert not translator.synced

    output = translator.apply(Change(rows(*WEB[1:]), NOTHING, synced=True))

    assert output is not None
    assert "hosts/ingress_http/shop.example.com" in output.resources.puts
    assert translator.synced


def test_while_the_objects_are_incomplete_what_was_given_out_stays() -> None:
    """A source that starts again lists from nothing; its last step decides."""
    translator = Translator(Settings())
    translator.apply(Change(rows(*WEB), NOTHING, synced=True))

    assert translator.apply(Change({}, frozenset(rows(*WEB)), synced=False)) is None

    output = translator.apply(Change(rows(*WEB), NOTHING, synced=True))

    assert output is not None
    assert output.resources.puts == output.statuses.puts == {}
    assert output.resources.deletes == output.statuses.deletes == NOTHING


def test_an_empty_cluster_has_an_answer() -> None:
    """Listeners and route configurations, and nothing else."""
    output = Translator(Settings()).apply(Change({}, NOTHING, synced=True, at=7.0))

    assert output is not None
    assert sorted(output.resources.puts) == [
        "listeners/ingress_http",
        "listeners/ingress_https",
        "routes/ingress_http",
        "routes/ingress_https",
    ]
    assert output.resources.puts["listeners/ingress_http"].needs == ("routes/ingress_http",)
    assert output.at == 7.0


def test_a_host_needs_its_clusters_and_they_need_their_load_assignments() -> None:
    """So the xDS server knows which follows which without looking into the bytes."""
    fed = Fed(Settings())
    fed.feed({reference(item): item for item in WEB})

    needs = {
        key: row.needs for key, row in fed.tables[0].items() if key.partition("/")[0] in {"hosts", "clusters"}
    }

    assert needs == {
        "hosts/ingress_http/shop.example.com": ("clusters/default/kuard/80",),
        "clusters/default/kuard/80": ("endpoints/default/kuard/http",),
    }


def test_a_source_travels_to_the_status_and_moving_it_changes_no_resource() -> None:
    """A line inserted above an object in its file is nothing to Envoy."""
    fed = Fed(Settings())
    fed.feed({reference(item): item for item in WEB})
    before = dict(fed.tables[0])

    fed.feed({"Ingress/default/web": WEB[0] | {"source": {"file": "web.yaml", "line": 3}}})

    assert fed.tables[0] == before
    assert orjson.loads(fed.tables[1]["Ingress/default/web"].body) == {
        "problems": [],
        "source": {"file": "web.yaml", "line": 3},
        "routes": 1,
    }


def test_rows_of_files_are_passed_on() -> None:
    """What is wrong with a file is the watcher's to say."""
    fed = Fed(Settings())
    told = {"kind": "File", "problems": [{"severity": "error", "reason": "Unreadable", "message": "no"}]}

    fed.feed({"File//web.yaml": told})

    assert orjson.loads(fed.tables[1]["File//web.yaml"].body) == told

    fed.feed({}, frozenset({"File//web.yaml"}))

    assert fed.tables[1] == {}


@pytest.mark.parametrize(
    ("resource", "ref"),
    [
        ("hosts/ingress_http/shop.example.com", "Ingress/default/web"),
        ("clusters/default/kuard/80", "Service/default/kuard"),
        ("endpoints/default/kuard/http", "Service/default/kuard"),
    ],
)
def test_what_envoys_refuse_is_told_to_the_owners_of_the_objects(resource: str, ref: str) -> None:
    """Once for each message, however many Envoys send it, and no longer than they do."""
    translator = Translator(Settings())
    translator.apply(Change(rows(*WEB), NOTHING, synced=True))
    puts = dict(rejection(resource, node, "bad regex") for node in ("a", "b"))

    output = translator.reject(0, Change(puts, NOTHING, synced=True))

    assert output is not None
    assert {key: problems(row) for key, row in output.statuses.puts.items()} == {
        ref: [f"RejectedByEnvoy: Envoy refuses {resource}: bad regex"]
    }

    output = translator.reject(0, Change({}, frozenset(puts), synced=True))

    assert output is not None
    assert [problems(row) for row in output.statuses.puts.values()] == ([[]] if "Ingress" in ref else [])
    assert output.statuses.deletes == (NOTHING if "Ingress" in ref else {ref})


def test_everything_deleted_leaves_no_value_behind() -> None:
    """Neither what was derived nor what it had read."""
    fed = Fed(Settings())
    empty = Fed(Settings())
    empty.feed({})

    fed.feed({reference(item): item for item in WEB})
    fed.feed({}, frozenset(reference(item) for item in WEB))

    assert fed.translator.status() == empty.translator.status()
    assert fed.translator._view._inputs.keys() == empty.translator._view._inputs.keys()
