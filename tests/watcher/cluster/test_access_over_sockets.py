"""Who the server is and who we are may change while we watch."""

import ssl
from pathlib import Path

import pytest
import structlog

from tests.kube.authority import Authority
from tests.watcher.cluster import answers
from tests.watcher.cluster.api_server import ApiServer
from tests.watcher.cluster.bodies import service
from tests.watcher.cluster.driven import SERVICES
from tests.watcher.cluster.following import Following, followed, kubeconfig
from tests.watcher.cluster.jumping import jumping
from watcher.cluster.access import Access
from watcher.cluster.answer import UnreachableError
from watcher.cluster.api import Api


def tls(folder: Path, authority: Authority) -> ssl.SSLContext:
    """Another certificate each time."""
    pair = authority.server("127.0.0.1")
    (folder / "server.pem").write_bytes(pair.key + pair.chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


@jumping
async def test_a_token_that_has_expired_is_read_again(tmp_path: Path) -> None:
    """K5: once at once, and with each try after that; the file has the new one sooner or later."""
    async with ApiServer() as server:
        server.token = "old"
        path = kubeconfig(tmp_path, server.url, token="old")
        async with Following(path, [SERVICES]) as following:
            await server.put(service("a"))
            await following.holds("Service/a")
            server.token = "new"
            server.cut()
            await following.until(lambda: server.refused >= 4)
            assert following.objects == ["Service/a"]
            assert following.reflectors[0].trouble.startswith("401 Unauthorized")
            kubeconfig(tmp_path, server.url, token="new")
            await server.put(service("b"))
            await following.holds("Service/a", "Service/b")


@jumping
async def test_a_token_that_is_new_already_costs_one_more_request(tmp_path: Path) -> None:
    """A token is replaced before it expires; nothing fails then."""
    with structlog.testing.capture_logs() as lines:
        async with followed(tmp_path, service("a")) as (server, following):
            await following.later(1.0)
            server.token = "new"
            kubeconfig(tmp_path, server.url, token="new")
            server.cut()
            await server.put(service("b"))
            await following.holds("Service/a", "Service/b")

    assert (server.refused, len(server.asked["services"])) == (1, 2)
    assert "API server unreachable" not in [each["event"] for each in lines]


async def test_a_token_that_was_just_read_is_refused_once(tmp_path: Path) -> None:
    """To read it again would give the same."""
    async with ApiServer() as server:
        server.token = "new"
        async with Api(Access.of_kubeconfig(str(kubeconfig(tmp_path, server.url, token="old")))) as api:
            with pytest.raises(UnreachableError, match=r"^401 Unauthorized"):
                await api.call("GET", "/api/v1/services")

    assert server.refused == 1


@jumping
async def test_a_server_with_another_certificate_of_the_same_authority_is_the_same(tmp_path: Path) -> None:
    """Certificates are renewed yearly, by a restart."""
    authority = Authority("ca")
    async with ApiServer(tls(tmp_path, authority)) as server:
        path = kubeconfig(tmp_path, server.url, ca=authority.certificate)
        async with Following(path, [SERVICES]) as following:
            await server.put(service("a"))
            await following.holds("Service/a")
            await server.stop()
            await server.start(tls(tmp_path, authority))
            await server.put(service("b"))
            await following.holds("Service/a", "Service/b")


@jumping
async def test_a_server_of_another_authority_is_trusted_when_the_file_says_so(tmp_path: Path) -> None:
    """Not before: and nothing is lost until then."""
    old, new = Authority("old"), Authority("new")
    async with ApiServer(tls(tmp_path, old)) as server:
        path = kubeconfig(tmp_path, server.url, ca=old.certificate)
        async with Following(path, [SERVICES]) as following:
            await server.put(service("a"))
            await following.holds("Service/a")
            await server.stop()
            await server.start(tls(tmp_path, new))
            await following.until(lambda: "CERTIFICATE_VERIFY_FAILED" in str(following.follower.unreachable))
            assert following.objects == ["Service/a"]
            kubeconfig(tmp_path, server.url, ca=new.certificate)
            await server.put(service("b"))
            await following.holds("Service/a", "Service/b")


@jumping
async def test_what_goes_wrong_is_told_in_one_line_and_that_it_is_over_in_another(tmp_path: Path) -> None:
    """However often it is tried meanwhile."""
    with structlog.testing.capture_logs() as lines:
        async with followed(tmp_path) as (server, following):
            server.mood["services"] = answers.status(503, "no capacity")
            server.cut()
            await following.later(600.0)
            del server.mood["services"]
            await following.until(lambda: following.states == ["watching"])

    assert [(each["event"], each["state"], each.get("error")) for each in lines] == [
        ("source followed", "watching", None),
        ("source not current", "failing", "the answer broke off"),
        ("source not current", "failing", "503: no capacity"),
        ("source followed", "watching", None),
    ]


@jumping
async def test_an_outage_is_told_in_one_line_for_all_sources(tmp_path: Path) -> None:
    """Nothing is listening."""
    with structlog.testing.capture_logs() as lines:
        async with followed(tmp_path) as (server, following):
            await server.stop()
            await following.later(600.0)
            await server.start()
            await following.until(lambda: following.states == ["watching"])

    assert [each["event"] for each in lines] == [
        "source followed",
        "source not current",
        "API server unreachable",
        "API server reachable again",
        "source followed",
    ]
