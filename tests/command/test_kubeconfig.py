"""`--kubeconfig` instead of files: what can be refused is, in one line, before anything is started."""

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from isoline.kubeconfig import Kubeconfig
from isoline.mistake import Mistake
from isoline.up.roles import children
from isoline.up.run_dir import opened
from isoline.up.settings import Settings
from runtime.start_error import StartError
from tests.support.program import Program
from tests.support.up import ISOLINE

Isoline = Callable[..., Program]
# Each tool, without what it reads.
TOOLS = [["up", "--no-envoy"], ["check"], ["render"], ["explain", "http://a/"], ["diff", "new.yaml"]]


def config(server: str = "https://127.0.0.1:1", **user: Any) -> dict[str, Any]:  # noqa: ANN401 - of a kubeconfig
    """A kubeconfig with one context, of one user."""
    return {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "dev",
    }


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Callable[..., Path]:
    """Writes one, and a manifest beside it."""
    (tmp_path / "new.yaml").write_text("")

    def write(content: object) -> Path:
        path = tmp_path / "kubeconfig"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return write


@pytest.fixture
def closed() -> Iterator[str]:
    """A server that refuses every connection."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


MALFORMED: list[tuple[object, str]] = [
    ("a: [", "no YAML: "),
    ("hello", "no kubeconfig, for it has no contexts"),
    ({"contexts": []}, "no kubeconfig, for it has no contexts"),
    (config() | {"current-context": ""}, "has no current context; name one with --context: dev"),
    (config() | {"current-context": "gone"}, "has no context 'gone'; it has dev"),
    (config() | {"clusters": None}, "context 'dev' names cluster 'c', which is not there"),
    (config() | {"users": []}, "context 'dev' names user 'u', which is not there"),
    (config(""), "cluster 'c' has no server"),
    (config("10.0.0.1:6443"), "cluster 'c' names a server without scheme; write it as https://HOST:PORT"),
    (
        config(**{"auth-provider": {"name": "oidc", "config": {"refresh-token": "secret"}}}),
        "user 'u' has an auth-provider, which is not supported: use exec",
    ),
    (
        config() | {"contexts": [{"name": "dev", "context": {"cluster": "c", "user": {"token": "secret"}}}]},
        "context 'dev' names user (a dict), which is not there",
    ),
]


@pytest.mark.parametrize(("content", "told"), MALFORMED, ids=[told for _, told in MALFORMED])
def test_a_kubeconfig_that_cannot_be_used_is_a_mistake(
    kubeconfig: Callable[..., Path], content: object, told: str
) -> None:
    """As any unreadable input; the line says what is missing."""
    path = kubeconfig(content)

    with pytest.raises(Mistake, match=re.escape(f"--kubeconfig {path}: {told}")) as raised:
        Kubeconfig(str(path)).access()

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "words", [*TOOLS, ["watcher", "--publish", "ipc:///x"]], ids=lambda words: str(words[0])
)
def test_a_kubeconfig_that_is_not_there_is_exit_code_2(
    isoline: Isoline, kubeconfig: Callable[..., Path], words: list[str]
) -> None:
    """Of every command; nor is a context that is not there."""
    gone = isoline(*words, "--kubeconfig", "gone")

    assert (gone.exit_code(), gone.stderr) == (2, ["isoline: --kubeconfig gone: No such file or directory"])

    other = isoline(*words, "--kubeconfig", path := kubeconfig(config()), "--context", "prod")

    assert (other.exit_code(), other.stdout) == (2, [])
    assert other.stderr == [f"isoline: --kubeconfig {path}: has no context 'prod'; it has dev"]


@pytest.mark.parametrize(
    "words", [*TOOLS, ["watcher", "--publish", "ipc:///x"]], ids=lambda words: str(words[0])
)
def test_a_kubeconfig_whose_files_are_of_no_use_is_exit_code_2(
    isoline: Isoline, kubeconfig: Callable[..., Path], words: list[str]
) -> None:
    """They are input as well; the line names file, entry and field."""
    content = config()
    content["clusters"][0]["cluster"]["certificate-authority"] = "new.yaml"
    path = kubeconfig(content)

    program = isoline(*words, "--kubeconfig", path)

    ca = f"cluster 'c': certificate-authority {path.with_name('new.yaml')}"
    told = f"{ca}: holds no certificate in PEM that can be read"
    assert (program.exit_code(), program.stdout) == (2, [])
    assert program.stderr == [f"isoline: --kubeconfig {path}: {told}"]


PLUGIN = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./login", "args": []}}


@pytest.mark.parametrize("words", TOOLS[:2], ids=lambda words: words[0])
def test_a_plugin_that_fails_is_told_in_its_own_words(
    isoline: Isoline, kubeconfig: Callable[..., Path], tmp_path: Path, words: list[str]
) -> None:
    """Exit code 3: somebody else failed."""
    login = tmp_path / "login"
    login.write_text("#!/bin/sh\necho 'no session; run: sso login' >&2\nexit 7\n")
    login.chmod(0o700)

    program = isoline(*words, "--kubeconfig", kubeconfig(config(**PLUGIN)))

    assert (program.exit_code(), program.stdout, len(program.stderr)) == (3, [], 2)
    assert program.stderr[0] == "no session; run: sso login"
    assert program.stderr[1].endswith(": exec: './login' returned 7; it says why on stderr")


def test_a_plugin_that_is_not_installed_is_named(kubeconfig: Callable[..., Path]) -> None:
    """As it is written."""
    with pytest.raises(StartError, match=r"No such file or directory: './login'$"):
        Kubeconfig(str(kubeconfig(config(**PLUGIN)))).demand_credentials()


@pytest.mark.parametrize("words", TOOLS[1:], ids=lambda words: words[0])
def test_a_server_out_of_reach_is_told_at_once(
    isoline: Isoline, kubeconfig: Callable[..., Path], closed: str, words: list[str]
) -> None:
    """Exit code 3; with the address that was tried."""
    path = kubeconfig(config(f"https://{closed}", token="x"))

    program = isoline(*words, "--kubeconfig", path)

    assert (program.exit_code(), program.stdout, len(program.stderr)) == (3, [], 1)
    assert program.stderr[0].startswith(
        f"isoline: --kubeconfig {path}: API server unreachable: {closed}: Connection refused"
    )


@pytest.mark.process
def test_up_says_what_it_waits_for_without_a_server(
    kubeconfig: Callable[..., Path], closed: str, tmp_path: Path
) -> None:
    """It may come: nobody ends."""
    path = kubeconfig(config(f"https://{closed}", token="x"))
    command = ["up", "--no-envoy", "--kubeconfig", path]
    with Program([ISOLINE, *command], cwd=tmp_path) as program:
        program.said(f"API server unreachable.*{closed}")
        program.said(f"^still waiting for watcher: API server unreachable: {closed}: Connection refused")
        assert program.terminate() == 0


USAGE = [
    (["check", "a", "--kubeconfig", "b"], "give one of PATH... and --kubeconfig"),
    (["up", "a", "--kubeconfig", "b"], "give one of FOLDER and --kubeconfig"),
    (["render", "a", "b", "--kubeconfig", "c"], "give one of PATH... and --kubeconfig"),
    (["render", "new.yaml", "--kubeconfig", "c"], "give one of PATH... and --kubeconfig"),
    (
        ["explain", "http://a/", "--from", "a", "--kubeconfig", "b"],
        "give one of --from, --kubeconfig, --xds and --run-dir",
    ),
    (["check", "a", "--context", "b"], "--context is for a cluster: it needs --kubeconfig"),
    (["up", "a", "--watch-namespace", "b"], "--watch-namespace is for a cluster: it needs --kubeconfig"),
    (
        ["watcher", "--folder", ".", "--publish", "c", "--status-address", "b"],
        "--status-address is for a cluster, not for --folder",
    ),
]


@pytest.mark.usefixtures("kubeconfig")
@pytest.mark.parametrize(("words", "told"), USAGE, ids=[" ".join(words) for words, _ in USAGE])
def test_files_and_a_cluster_are_not_mixed(
    isoline: Isoline, kubeconfig: Callable[..., Path], words: list[str], told: str
) -> None:
    """Exit code 2."""
    kubeconfig("")

    program = isoline(*words)

    assert (program.exit_code(), program.stdout, program.stderr) == (2, [], [f"isoline: {told}"])


@pytest.mark.parametrize("words", [["old", "new", "--kubeconfig", "a"], ["--kubeconfig", "a"], ["new"], []])
def test_diff_is_of_two(isoline: Isoline, words: list[str]) -> None:
    """Of files, or of the cluster and files."""
    program = isoline("diff", *words)

    told = "give OLD and NEW, or --kubeconfig FILE and NEW (see isoline diff --help)"
    assert (program.exit_code(), program.stderr) == (2, [f"isoline: {told}"])


@pytest.mark.parametrize("name", ["Foo", "*", "../../x", "a.b", "a" * 64])
def test_what_is_no_name_of_a_namespace_is_told_so(isoline: Isoline, name: str) -> None:
    """It would become part of a path."""
    program = isoline("check", "--kubeconfig", "gone", "--watch-namespace", f"a,{name}")

    assert (program.exit_code(), program.stdout) == (2, [])
    assert f"{name!r} is no name of a namespace" in program.stderr[0]


def test_a_variable_yields_to_paths(isoline: Isoline, kubeconfig: Callable[..., Path]) -> None:
    """ISOLINE_KUBECONFIG may be there for another command, and so may what belongs to it."""
    kubeconfig("")
    env = {"ISOLINE_KUBECONFIG": "gone", "ISOLINE_CONTEXT": "a", "ISOLINE_WATCH_NAMESPACE": "b"}

    assert isoline("check", "new.yaml", env=env).exit_code() == 0
    assert isoline("diff", "new.yaml", "new.yaml", env=env).exit_code() == 0
    assert isoline("render", "new.yaml", env=env).exit_code() == 0
    for words in (["check"], ["render"], ["diff", "new.yaml"], ["explain", "http://a/"], ["up"]):
        assert isoline(*words, env=env).stderr == ["isoline: --kubeconfig gone: No such file or directory"]


def test_variables_of_a_cluster_yield_to_the_folder_of_a_watcher(isoline: Isoline) -> None:
    """Here it gets as far as the address, which is none."""
    env = {"ISOLINE_WATCH_NAMESPACE": "a", "ISOLINE_CONTEXT": "b", "ISOLINE_STATUS_ADDRESS": "c"}

    program = isoline("watcher", "--folder", ".", "--publish", "nowhere", "--statuses", "d", env=env)

    assert program.stderr == ["isoline: nowhere: expected ipc:///path or tcp://host:port"]


def test_up_passes_the_cluster_to_its_watcher_and_no_address_of_statuses(tmp_path: Path) -> None:
    """Without that nothing is ever written."""
    settings = Settings(
        source=Kubeconfig("/k", "dev", ("a", "b")), envoy=None, http_port=1, https_port=2, stats_port=3,
        listen="127.0.0.1", loopback_endpoints="refuse", redirect_port=2, default_certificate=None,
        clusters="referenced", ingress_class=(), enable_external_name=False, xds_listen=None, xds_tls=None,
        log_level="info",
    )  # fmt: skip
    with opened(tmp_path / "run") as run_dir:
        watcher = children(settings, run_dir)[0].command

    given = " ".join(watcher)
    assert "watcher --kubeconfig /k --context dev --watch-namespace a,b --publish" in given
    assert "--statuses" not in given
