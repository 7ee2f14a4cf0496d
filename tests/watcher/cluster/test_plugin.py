"""A plugin of a kubeconfig: what it is told, what it may answer, and that it is never left behind."""

import asyncio
import json
import os
import signal
import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isoline.kubeconfig import Kubeconfig
from tests.support.program import Program
from tests.support.up import ISOLINE
from watcher.cluster import plugin
from watcher.cluster.access import Access
from watcher.cluster.access_error import AccessError
from watcher.cluster.api import Api

V1 = "client.authentication.k8s.io/v1"
Script = Callable[[str], dict[str, Any]]
ANSWER = json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": {"token": "S3CR3T"}})


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Makes a plugin in shell, beside the kubeconfig, and the `exec` that names it."""

    def write(text: str) -> dict[str, Any]:
        (tmp_path / "login").write_text(f"#!/bin/sh\ncd '{tmp_path}'\n{text}\n")
        (tmp_path / "login").chmod(0o700)
        return {"apiVersion": V1, "command": "./login"}

    return write


def gone(pid: int) -> bool:
    """Whether it has ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.01)


async def test_a_plugin_is_found_beside_its_kubeconfig_and_told_of_the_cluster(
    script: Script, tmp_path: Path
) -> None:
    """Whatever folder we are in; of the cluster only where that is asked for."""
    wanted = script(f"echo \"$KUBERNETES_EXEC_INFO\" > info\necho '{ANSWER}'") | {"provideClusterInfo": True}
    (tmp_path / "ca").write_text("CA")

    found = await plugin.answer(wanted, {"server": "https://a", "certificate-authority": "ca"}, tmp_path)

    cluster = {"server": "https://a", "certificate-authority-data": b64encode(b"CA").decode()}
    assert found == {"token": "S3CR3T"}
    assert json.loads((tmp_path / "info").read_text()) == {
        "apiVersion": V1,
        "kind": "ExecCredential",
        "spec": {"interactive": False, "cluster": cluster},
    }


async def test_what_a_plugin_says_before_its_answer_is_shown(
    script: Script, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """However much: it may ask its user to open a page and to enter a code."""
    wanted = script(f"head -c 1000000 /dev/zero | tr '\\0' x >&2\necho '{ANSWER}'")

    async with asyncio.timeout(20):
        assert await plugin.answer(wanted, {}, tmp_path) == {"token": "S3CR3T"}

    assert len(capfd.readouterr().err) == 1_000_000


def credential(**status: object) -> str:
    return json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": status})


NEITHER = "answers neither a token nor a certificate with its key"
WRONG = {
    "hello S3CR3T": "answers no JSON",
    "[]": "answers no ExecCredential",
    ANSWER.replace("/v1", "/v1beta1"): "answers in another apiVersion",
    ANSWER.replace('{"token": "S3CR3T"}', "null"): NEITHER,
    credential(token=None): NEITHER,
    credential(token=["S3CR3T"]): NEITHER,
    credential(clientCertificateData="S3CR3T"): NEITHER,
}


@pytest.mark.parametrize("said", WRONG)
async def test_an_answer_that_is_none_is_told_without_its_words(
    script: Script, tmp_path: Path, said: str
) -> None:
    """There may be a token among them."""
    with pytest.raises(AccessError) as raised:
        await plugin.answer(script(f"echo '{said}'"), {}, tmp_path)

    assert str(raised.value).startswith(f"exec: './login' {WRONG[said]}")
    assert "S3CR3T" not in str(raised.value)


# It starts others when it has long been started itself.
HANGING = "sleep 0.5\nsleep 300 &\necho $! $$ > pids.new\nmv pids.new pids\nwait"


async def test_a_plugin_that_hangs_is_killed_with_all_that_it_has_started(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a minute, and that is told."""
    monkeypatch.setattr(plugin, "SECONDS", 1.0)

    with pytest.raises(AccessError, match=r"^exec: './login' has not answered within 1 s$"):
        await plugin.answer(script(HANGING), {}, tmp_path)

    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    await eventually(lambda: all(map(gone, pids)))


async def test_a_browser_that_outlives_a_plugin_keeps_nobody_waiting(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a session of its own, and the plugin's output open."""
    monkeypatch.setattr(plugin, "SECONDS", 1.0)
    wanted = script("setsid sleep 300 &\necho $! > pid\nwait")

    async with asyncio.timeout(20):
        with pytest.raises(AccessError, match=r"has not answered within 1 s$"):
            await plugin.answer(wanted, {}, tmp_path)

    browser = int((tmp_path / "pid").read_text())
    assert not gone(browser)
    os.kill(browser, signal.SIGKILL)


async def test_a_plugin_whose_answer_nobody_wants_any_more_is_killed(script: Script, tmp_path: Path) -> None:
    """Also what it has started."""
    asking = asyncio.create_task(plugin.answer(script(HANGING), {}, tmp_path))
    await eventually((tmp_path / "pids").exists)

    asking.cancel()
    await asyncio.wait([asking])

    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    await eventually(lambda: all(map(gone, pids)))


def hanging(script: Script, folder: Path) -> Path:
    """A kubeconfig of such a plugin."""
    content = {
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"exec": script(HANGING)}}],
        "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "dev",
    }
    (folder / "config").write_text(json.dumps(content))
    return folder / "config"


async def test_a_plugin_ends_with_the_edge_that_wants_to_know(script: Script, tmp_path: Path) -> None:
    """Before it is left, for nobody is there afterwards to kill it."""
    running = asyncio.create_task(Api(Access.of_kubeconfig(str(hanging(script, tmp_path)))).run())
    await eventually((tmp_path / "pids").exists)

    running.cancel()
    await asyncio.wait([running])

    assert asyncio.all_tasks() == {asyncio.current_task()}
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    await eventually(lambda: all(map(gone, pids)))


def test_ctrl_c_while_a_plugin_starts_ends_both(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its birth and when we have learnt of it."""
    start, born = subprocess.Popen, []

    def interrupted(*args: object, **kwargs: object) -> subprocess.Popen[bytes]:
        born.append(start(*args, **kwargs))
        signal.raise_signal(signal.SIGINT)
        return born[-1]

    monkeypatch.setattr(subprocess, "Popen", interrupted)

    with pytest.raises(KeyboardInterrupt):
        Kubeconfig(str(hanging(script, tmp_path))).demand_credentials()

    assert [gone(each.pid) for each in born] == [True]


COMMANDS = [["check"], ["up", "--no-envoy"], ["watcher", "--publish", "ipc://link"]]


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_plugin_ends_with_the_command_that_runs_it(
    script: Script, tmp_path: Path, words: list[str], number: signal.Signals
) -> None:
    """The signal reaches us alone; what a script starts in the background is deaf to Ctrl-C."""
    words = [word.replace("ipc://", f"ipc://{tmp_path}/") for word in words]
    command = [ISOLINE, *words, "--kubeconfig", hanging(script, tmp_path)]
    if number is signal.SIGTERM:
        command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command]
    with Program(command, cwd=tmp_path) as program:
        asyncio.run(eventually((tmp_path / "pids").exists))
        os.kill(program.pid, number)
        code = program.exit_code()

    assert code == (0 if words[0] == "watcher" else 128 + number)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    asyncio.run(eventually(lambda: all(map(gone, pids))))
