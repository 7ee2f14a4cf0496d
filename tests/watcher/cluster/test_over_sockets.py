"""The watcher's edge against a server that does what real ones rarely do."""

import asyncio
import random
from pathlib import Path

import pytest
import structlog
from prometheus_client import REGISTRY

from tests.watcher.cluster import answers
from tests.watcher.cluster.api_server import Answer, ApiServer
from tests.watcher.cluster.bodies import added, delegation, error, modified, service
from tests.watcher.cluster.driven import DELEGATIONS, SERVICES, port
from tests.watcher.cluster.following import followed, kubeconfig
from tests.watcher.cluster.jumping import clock, jumping
from watcher.cluster.access import Access
from watcher.cluster.api import Api
from watcher.cluster.cluster import Batch, Cluster
from watcher.cluster.follower import Follower
from watcher.cluster.reflector import Reflector
from watcher.cluster.source import RESOURCES, one_service, sources

KINDS = ("services", "tlscertificatedelegations")


@jumping
async def test_objects_are_listed_and_followed(tmp_path: Path) -> None:
    """By one request: the list comes as a stream, and goes on as a watch."""
    async with followed(tmp_path, service("a")) as (server, following):
        assert following.objects == ["Service/a"]

        await server.put(service("b"), service("a", port=81))
        await following.until(lambda: len(following.table) == 2)
        assert port(following.table["Service/default/a"]) == 81
        await server.delete("Service/default/a")
        await following.holds("Service/b")

    assert len(server.asked["services"]) == 1


@pytest.mark.parametrize("mood", [answers.offers_no_streams, answers.ignores_send_initial_events])
def test_a_server_without_lists_as_streams_is_listed_in_pages(mood: Answer, tmp_path: Path) -> None:
    """It refuses them, or is too old to know them: then after 15 s."""

    @jumping
    async def test() -> None:
        objects = [service(f"s{number}") for number in range(1100)]
        begin = clock()
        async with followed(tmp_path, *objects, mood=mood) as (server, following):
            assert len(following.table) == 1100
            assert clock() - begin < 30.0

        limits = [query.get("limit") for query in server.asked["services"]]
        assert limits == [None, "500", "500", "500", None]

    test()


@jumping
async def test_a_proxy_that_cuts_every_list_as_a_stream_keeps_no_list_from_ending(tmp_path: Path) -> None:
    """It is asked for in pages, and ten minutes later, when the proxy is gone, as a stream again."""
    objects = [service(f"s{number}") for number in range(1100)]
    async with followed(tmp_path, *objects, mood=answers.cuts_lists) as (server, following):
        assert len(following.table) == 1100
        limits = [query.get("limit") for query in server.asked["services"]]
        assert limits == [None, None, None, "500", "500", "500", None]

        server.mood.clear()
        await following.later(600.0)
        server.will("services", answers.status(410, "too old"))
        server.cut()
        await server.put(service("new"))
        await following.until(lambda: len(following.table) == 1101)

    assert "sendInitialEvents" in server.asked["services"][-1]


@jumping
async def test_a_quiet_watch_is_one_request_in_five_to_ten_minutes(tmp_path: Path) -> None:
    """It is left alone until the server ends it, and that end is nothing to tell of."""
    with structlog.testing.capture_logs() as lines:
        async with followed(tmp_path, service("a")) as (server, following):
            await following.later(295.0)
            assert len(server.asked["services"]) == 1
            await following.later(3305.0)
            assert 7 <= len(server.asked["services"]) <= 13

    assert [each["event"] for each in lines] == ["source followed"]


@jumping
async def test_a_server_that_says_when_to_come_back_is_not_asked_sooner(tmp_path: Path) -> None:
    """429 with Retry-After."""
    async with followed(tmp_path, service("a")) as (server, following):
        server.will("services", answers.status(429, "too many requests", retry_after=30))
        server.cut()
        await following.until(lambda: following.reflectors[0].trouble == "429: too many requests")
        asked = len(server.asked["services"])

        await following.later(15.0)

        assert len(server.asked["services"]) == asked


FAILURES: dict[str, list[Answer]] = {
    "410": [answers.status(410, "too old")],
    "410 as an event": [answers.says(error(410, "too old"))],
    "500 as an event": [answers.says(error(500, "internal"))],
    "500": [answers.status(500)],
    "503 for long": [answers.status(503)] * 8,
    "429": [answers.status(429, "too many requests", retry_after=30)],
    "504": [answers.status(504, "Too large resource version", retry_after=1)],
    "403": [answers.status(403, "forbidden")],
    "404": [answers.status(404, "page not found")],
    "an end at once": [answers.says()],
    "a line that is cut": [answers.breaks_off_after(added(service("x"))[:30])],
    "an event and half of one": [answers.breaks_off_after(modified(service("a", 11)) + b'{"type": "')],
    "garbage": [answers.says(b"<html>nginx</html>\n")],
    "half of a connection": [answers.falls_silent_after()],
    "no answer": [answers.hangs],
    "an empty list, twice": [answers.status(410), answers.lists_nothing, answers.lists_nothing],
    "a list that hangs": [answers.status(410), answers.hangs],
    "a list that breaks off": [answers.status(410), answers.breaks_off_after(added(service("x")))],
    "a list that is garbage": [answers.status(410), answers.says(b"{}\n")],
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("mood", [answers.well, answers.offers_no_streams])
def test_no_failure_of_a_watch_loses_an_object(name: str, mood: Answer, tmp_path: Path) -> None:
    """Neither one that is there, nor one that came meanwhile, nor the end of one; and it is no storm."""

    @jumping
    async def test() -> None:
        async with followed(tmp_path, service("a"), service("b"), mood=mood) as (server, following):
            before = len(server.asked["services"])
            server.will("services", *FAILURES[name])
            server.cut()
            await server.put(service("c"))
            await server.delete("Service/default/b")
            await following.holds("Service/a", "Service/c")

        assert following.gone - {"API//services"} == {"Service/default/b"}
        assert len(server.asked["services"]) - before <= len(FAILURES[name]) + 3

    test()


@pytest.mark.parametrize("mood", [answers.well, answers.offers_no_streams])
def test_what_expires_after_a_long_silence_is_listed_anew(mood: Answer, tmp_path: Path) -> None:
    """The patience with a list begins when it is asked for."""

    @jumping
    async def test() -> None:
        async with followed(tmp_path, service("a"), mood=mood) as (server, following):
            server.will("services", answers.status(410, "too old"))
            server.store.put(service("b"))
            server.store.compact()
            await following.holds("Service/a", "Service/b")

        assert following.gone == set()

    test()


@jumping
async def test_a_page_whose_token_has_expired_is_followed_by_all_in_one(tmp_path: Path) -> None:
    """K6."""
    mood = answers.offers_no_streams
    async with followed(tmp_path, *(service(f"s{n}") for n in range(600)), mood=mood) as (server, following):
        asked = len(server.asked["services"])
        server.will("services", answers.status(410), mood, answers.status(410, "the token is too old"))
        server.cut()
        await server.put(service("new"))
        await following.until(lambda: len(following.table) == 601)

    lists = [query for query in server.asked["services"][asked:] if "watch" not in query]
    assert [(each.get("limit"), "continue" in each) for each in lists] == [
        ("500", False), ("500", True), (None, False),
    ]  # fmt: skip
    assert following.gone == set()


@jumping
async def test_a_kind_that_appears_is_followed(tmp_path: Path) -> None:
    """404 until then, asked for twice a minute."""
    objects = service("s"), delegation("d")
    async with followed(tmp_path, sources=(SERVICES, DELEGATIONS)) as (server, following):
        server.mood["tlscertificatedelegations"] = answers.status(404, "the server could not find it")
        server.cut()
        await following.until(lambda: following.states == ["watching", "missing"])
        await server.put(*objects)
        await following.holds("Service/s")
        await following.later(120.0)
        del server.mood["tlscertificatedelegations"]
        await following.holds("Service/s", "TLSCertificateDelegation/d")

    assert 4 <= len(server.asked["tlscertificatedelegations"]) <= 12


@jumping
async def test_an_empty_list_that_stays_empty_is_believed(tmp_path: Path) -> None:
    """The third time."""
    async with followed(tmp_path, service("a")) as (server, following):
        server.will("services", answers.status(410), *[answers.lists_nothing] * 3)
        server.cut()

        await following.holds()


@jumping
async def test_objects_of_a_megabyte_and_a_half_arrive(tmp_path: Path) -> None:
    """That is what etcd takes."""
    large = {"annotations": {"note": "x" * 1_500_000}}
    async with followed(tmp_path, service("a", metadata=large)) as (server, following):
        await server.put(service("b", metadata=large))
        await following.holds("Service/a", "Service/b")

    assert len(server.asked["services"]) == 1


@jumping
async def test_an_outage_of_an_hour_costs_a_few_requests_a_minute(tmp_path: Path) -> None:
    """K13: all stays as it is, and is caught up with soon after."""
    async with followed(tmp_path, service("a"), sources=(SERVICES, DELEGATIONS)) as (server, following):
        server.mood = dict.fromkeys(KINDS, answers.status(503))
        server.cut()
        await following.later(3600.0)
        assert (following.objects, following.states) == (["Service/a"], ["failing", "failing"])
        assert 120 <= len(server.asked["services"]) <= 480
        server.mood = {}
        server.store.put(service("b"))
        await following.holds("Service/a", "Service/b")

    assert following.gone == set()


@jumping
async def test_when_one_source_is_well_again_the_others_ask_soon(tmp_path: Path) -> None:
    """Each would otherwise wait for its own half minute; also one that is no part of the cluster."""
    envoy = one_service("default", "envoy")
    async with followed(tmp_path, sources=sources(), besides=[envoy]) as (server, following):
        server.mood = dict.fromkeys(RESOURCES.values(), answers.status(503))
        server.cut()
        await following.later(600.0)
        server.mood = {}
        await following.until(lambda: "watching" in following.states, look=0.1)

        await following.later(1.0)

        assert set(following.states) == {"watching"}


@jumping
async def test_an_object_that_two_follow_is_one_object(tmp_path: Path) -> None:
    """As the metric has it: the Service of Envoy is a Service of the cluster, too."""
    envoy = one_service("default", "envoy")
    async with followed(tmp_path, service("envoy"), besides=[envoy]) as (_, following):
        await following.until(lambda: following.states == ["watching", "watching"])

        assert REGISTRY.get_sample_value("isoline_watcher_objects", {"resource": "services"}) == 1.0


@jumping
async def test_a_server_that_is_down_is_reached_when_it_is_up(tmp_path: Path) -> None:
    """Nothing is listening at all; `unreachable` says so until somebody answers."""
    async with followed(tmp_path, service("a")) as (server, following):
        await server.stop()
        await following.until(lambda: following.follower.unreachable)
        assert following.objects == ["Service/a"]

        server.store.put(service("b"))
        await server.start()
        await following.holds("Service/a", "Service/b")

    assert following.follower.unreachable is None


@jumping
async def test_an_answer_that_breaks_off_is_no_server_that_is_unreachable(tmp_path: Path) -> None:
    """It answers."""
    async with followed(tmp_path) as (server, following):
        server.mood["services"] = answers.breaks_off_after(b"{")
        server.cut()
        await following.later(60.0)

        assert following.follower.unreachable is None
        assert following.reflectors[0].trouble == "the answer broke off"


@jumping
async def test_a_mistake_of_ours_with_what_has_come_ends_the_follower(tmp_path: Path) -> None:
    """Else the process would live on without the rows of that batch."""
    async with ApiServer() as server:
        reflector = Reflector(SERVICES, random.random)

        def take(_batch: Batch) -> None:
            raise KeyError("ours")

        async with Api(Access.of_kubeconfig(str(kubeconfig(tmp_path, server.url)))) as api:
            follower = Follower(api, [reflector], Cluster([reflector]), take)
            with pytest.raises(ExceptionGroup) as ended:
                await asyncio.wait_for(follower.run(), 60.0)

    assert ended.group_contains(KeyError, match="ours")
