"""Who we are is found out once, however many lists and watches ask: a plugin may ask its user."""

import asyncio
import gc
import os
from pathlib import Path

import pytest

from tests.kube.authority import Authority
from tests.kube.kubeconfig import Identity, write
from tests.support.certificate import Pair
from tests.watcher.cluster.jumping import jumping
from watcher.cluster import access
from watcher.cluster.access import Access, Credentials
from watcher.cluster.access_error import AccessError

MANY = 7


class Plugin:
    """A plugin of a kubeconfig that writes down each run."""

    def __init__(self, folder: Path) -> None:
        config = folder / "config"
        identity = Identity("secret", Pair(b"", b""))
        ca = Authority("ca").certificate
        write(config, "exec", identity, url="https://127.0.0.1:1", ca=ca, namespace="default")
        self.access = Access.of_kubeconfig(str(config))
        self._log = folder / "log"
        self._signal = folder / "signal"
        self._script = config.with_suffix(".sh")
        self._said = config.with_suffix(".json")
        self.answers()

    def answers(self) -> None:
        """From now on it gives a token."""
        self._script.write_text(f"#!/bin/sh\necho run >> '{self._log}'\nexec cat '{self._said}'\n")

    def fails(self) -> None:
        self._script.write_text(f"#!/bin/sh\necho run >> '{self._log}'\necho 'log in first' >&2\nexit 1\n")

    def waits(self) -> None:
        """It answers when told by `goes_on`."""
        os.mkfifo(self._signal)
        self._script.write_text(
            f"#!/bin/sh\necho run >> '{self._log}'\ncat '{self._signal}'\nexec cat '{self._said}'\n"
        )

    def goes_on(self) -> None:
        self._signal.write_text("")

    async def is_given_up(self) -> None:
        """By one who asks and waits no longer."""
        asking = asyncio.create_task(self.access.credentials())
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])

    @property
    def runs(self) -> int:
        return len(self._log.read_text().splitlines())

    async def asked(self) -> list[Credentials | BaseException]:
        """What many get who ask at once."""
        return await asyncio.gather(*(self.access.credentials() for _ in range(MANY)), return_exceptions=True)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugin:
    """Of a kubeconfig whose authority is not looked at."""
    monkeypatch.setattr(access, "_tls", lambda _configuration: None)
    monkeypatch.setattr("watcher.cluster.plugin.SECONDS", None)  # a clock that jumps does while it works
    return Plugin(tmp_path)


@jumping
async def test_many_who_ask_at_once_run_a_plugin_once(plugin: Plugin) -> None:
    """And once more when all of them are refused later: the first has it read anew, the others come late."""
    found = await plugin.asked()

    assert (plugin.runs, len(found)) == (1, MANY)

    await asyncio.sleep(1.0)
    for each in found:
        assert isinstance(each, Credentials)
        assert plugin.access.refused(each)
        await plugin.access.credentials()

    assert plugin.runs == 2


@jumping
async def test_what_a_plugin_has_just_said_is_not_asked_again(plugin: Plugin) -> None:
    """A server that takes nobody would have it run with each request."""
    used = await plugin.access.credentials()

    assert not plugin.access.refused(used)
    assert await plugin.access.credentials() == used

    await asyncio.sleep(1.0)

    assert plugin.access.refused(used)
    assert (await plugin.access.credentials()).reading == 2


@jumping
async def test_an_outage_runs_a_plugin_every_half_minute(plugin: Plugin) -> None:
    """However often somebody fails to connect: it may open a browser."""
    for _ in range(95):
        plugin.access.unreached(await plugin.access.credentials())
        await asyncio.sleep(1.0)

    assert plugin.runs == 4


async def test_a_plugin_that_fails_is_run_once_for_all(
    plugin: Plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are told why; later it is run again."""
    plugin.fails()

    found = await plugin.asked()

    assert plugin.runs == 1
    assert all(isinstance(each, AccessError) and "returned 1" in str(each) for each in found)

    monkeypatch.setattr(plugin.access, "_patient_until", 0.0)
    plugin.answers()

    assert (await plugin.access.credentials()).headers == {"Authorization": "Bearer secret"}


async def test_a_plugin_takes_longer_than_the_patience_of_each_who_asks(plugin: Plugin) -> None:
    """It is not run again for the next one, and its answer is there when it comes."""
    plugin.waits()
    await plugin.is_given_up()
    await plugin.is_given_up()

    await asyncio.to_thread(plugin.goes_on)

    assert (await plugin.access.credentials()).headers == {"Authorization": "Bearer secret"}
    assert plugin.runs == 1


async def test_a_plugin_may_fail_when_nobody_waits_any_more(
    plugin: Plugin, caplog: pytest.LogCaptureFixture
) -> None:
    """The next who asks is told so; asyncio has nothing to complain about."""
    plugin.fails()
    await plugin.is_given_up()

    with pytest.raises(AccessError, match="returned 1; it says why on stderr"):
        await plugin.access.credentials()

    gc.collect()
    assert (plugin.runs, caplog.records) == (1, [])
