"""A request that cannot be made is one exception of the edge, and no secret is in it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from watcher.cluster.access import Access
from watcher.cluster.answer import UnreachableError
from watcher.cluster.api import Api

SECRET = "S3CR3T"
NO_URL = "the URL of the server, or of its proxy, is none that can be asked"
NOBODY = "http://127.0.0.1:1"
WRONG: dict[str, tuple[str, dict[str, str], str]] = {
    "a server that is no URL": ("http://[nonsense", {}, NO_URL),
    "a server with a port that is none": (f"https://a:{SECRET}@b:99999", {}, NO_URL),
    "a server of another protocol": (f"ftp://{SECRET}", {}, NO_URL),
    "a server that is no name": (f"https://{'a' * 70}", {}, "encoding with 'idna' codec failed"),
    "a server with a password beside a token": (f"http://a:{SECRET}@b", {}, "Cannot combine"),
    "a proxy that is no URL": (NOBODY, {"proxy-url": f"http://a:{SECRET}/x@b:1"}, NO_URL),
    "a proxy that is not there": (NOBODY, {"proxy-url": f"http://a:{SECRET}@127.0.0.1:1"}, "127.0.0.1:1: "),
}


def access(folder: Path, server: str, *, token: str | None = None, **cluster: str) -> Access:
    content = {
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": {"token": token or "any"}}],
        "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "dev",
    }
    (folder / "config").write_text(yaml.safe_dump(content))
    return Access.of_kubeconfig(str(folder / "config"))


@pytest.mark.parametrize("name", WRONG)
async def test_a_request_that_cannot_be_made_is_a_server_out_of_reach(tmp_path: Path, name: str) -> None:
    """The process goes on; perhaps the kubeconfig is mended."""
    server, cluster, told = WRONG[name]
    async with Api(access(tmp_path, server, **cluster)) as api:
        with pytest.raises(UnreachableError) as raised:
            await api.call("GET", "/")

    assert str(raised.value).startswith(told)
    assert SECRET not in str(raised.value)


@pytest.fixture
async def refusing() -> AsyncIterator[str]:
    """A proxy that wants to know more of us."""

    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        yield "127.0.0.1:{1}".format(*server.sockets[0].getsockname())


async def test_a_token_of_two_lines_is_a_server_out_of_reach(tmp_path: Path, refusing: str) -> None:
    """It is in no header."""
    async with Api(access(tmp_path, f"http://{refusing}", token=f"{SECRET}\n{SECRET}")) as api:
        with pytest.raises(UnreachableError) as raised:
            await api.call("GET", "/")

    assert str(raised.value).startswith("Forbidden control character detected in headers")


async def test_a_proxy_that_refuses_is_told_without_its_password(tmp_path: Path, refusing: str) -> None:
    """The text of aiohttp's is the whole URL."""
    proxied = access(tmp_path, "https://a.example", **{"proxy-url": f"http://a:{SECRET}@{refusing}"})
    async with Api(proxied) as api:
        with pytest.raises(UnreachableError) as raised:
            await api.call("GET", "/")

    assert str(raised.value) == "the proxy answers 407 Proxy Authentication Required"
