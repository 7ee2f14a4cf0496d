"""`isoline status`: the processes, and what each Envoy holds, lags behind on, or refuses."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isoline import running
from isoline.status import status
from isoline.table import WIDTH, columns
from tests.support.backend import Backend
from tests.support.manifest import Folder, ingress, path, rule, served
from tests.support.program import Program
from tests.support.up import Up

Isoline = Callable[..., Program]
Json = dict[str, Any]

WATCHER: Json = {
    "folder": {"files": 2, "path": "/shop", "missing": None, "problems": 1},
    "publisher": {"tables": {"objects": {"rows": 3, "synced": True}}},
}
TRANSLATOR: Json = {
    "translator": {"synced": True, "objects": 3, "resources": 8},
    "objects": {"heard_seconds_ago": 0.21},
}


def stream(**subscriptions: Json) -> Json:
    """One of an Envoy, up to date at revision 5 unless it says otherwise."""
    usual = {"wildcard": True, "names": 0, "revision": 5, "under_way": 0, "waiting": [], "refused": {}}
    return {
        "node": "envoy-1",
        "version": "1.40.0",
        "peer": "unix:",
        "subscriptions": {type_: usual | each for type_, each in subscriptions.items()},
    }


def server(*streams: Json, synced: bool = True) -> Json:
    """The page of an xDS server at revision 5."""
    resources = {"clusters": 2, "endpoints": 2, "hosts": 1, "listeners": 2, "routes": 2, "secrets": 0}
    core = {"synced": synced, "revision": 5, "resources": resources, "streams": list(streams)}
    return {"server": core, "resources": [{"heard_seconds_ago": 0.4}]}


def lines(*pages: Json | None) -> list[str]:
    """Both tables as text."""
    processes, envoys = status([("", f"a:{at}", page) for at, page in enumerate(pages)]).rows()
    return [*columns(processes), *columns(envoys)]


def test_processes_and_envoys_are_two_tables() -> None:
    """What a process has, how old its news are, and what an Envoy holds."""
    envoy = stream(clusters={}, endpoints={"wildcard": False, "names": 2}, hosts={})

    assert lines(WATCHER, TRANSLATOR, server(envoy)) == [
        "PROCESS     STATE   DETAIL",
        "watcher     synced  3 objects in 2 files of /shop; 1 problem of files",
        "translator  synced  3 objects, 8 resources; its source was heard 0.2 s ago",
        "xds-server  synced  9 resources at revision 5; its source was heard 0.4 s ago",
        "ENVOY    VERSION  STATE       DETAIL",
        "envoy-1  1.40.0   up to date  holds 1 virtual host, 2 clusters, 2 load assignments",
    ]


def of_cluster(
    *states: tuple[str, str, str],
    unreachable: str | None = None,
    unread: tuple[str, ...] = (),
    rows: int = 13,
) -> str:
    """What is said of a watcher whose sources are in these states, for these reasons."""
    sources = [{"source": source, "state": state, "trouble": trouble} for source, state, trouble in states]
    page = {"cluster": {"unreachable": unreachable, "unread": unread, "sources": sources}}
    tables = {"objects": {"rows": rows, "synced": True}}
    return status([("", "a", page | {"publisher": {"tables": tables}})]).processes[0].detail


def test_a_watcher_of_a_cluster_says_what_it_does_not_know() -> None:
    """Of a kind that the cluster does not have it knows all; a resource that is not read is one row of the
    table.
    """
    well = ("services", "watching", ""), ("tlscertificatedelegations", "missing", "the cluster has no such")
    failing = ("ingresses", "failing", "500: etcd")
    secrets = ("secrets type=a", "forbidden", "403: no"), ("secrets type=b", "forbidden", "403: no")

    assert of_cluster(*well) == "13 objects of the cluster"
    assert of_cluster(*well, failing) == "13 objects of the cluster; ingresses failing: 500: etcd"
    assert of_cluster(*secrets, unread=("secrets",)) == (
        "12 objects of the cluster; secrets type=a forbidden: 403: no; secrets type=b forbidden: 403: no"
    )
    assert of_cluster(("services of namespace edge envoy", "forbidden", "403: no")) == (
        "13 objects of the cluster; services of namespace edge envoy forbidden: 403: no"
    )
    assert of_cluster(("services", "listing", ""), rows=0) == "0 objects of the cluster; services listing"
    assert of_cluster(*well, failing, unreachable="a:1: no route") == (
        "13 objects of the cluster; API server unreachable: a:1: no route"
    )


@pytest.mark.parametrize(
    ("subscription", "state", "detail"),
    [
        ({"revision": 3}, "behind", "hosts at revision 3 of 5"),
        ({"under_way": 2}, "behind", "2 responses of hosts not acknowledged"),
        ({"waiting": ["r/a", "r/b"]}, "behind", "hosts held back for their clusters: r/a, r/b"),
        (
            {"waiting": list("abcde")},
            "behind",
            "hosts held back for their clusters: a, b, c and 2 more",
        ),
        ({"refused": {"r/a": "no such regex"}}, "refuses", "hosts/r/a: no such regex"),
    ],
)
def test_what_an_envoy_lags_behind_on_or_refuses_is_named(
    subscription: Json, state: str, detail: str
) -> None:
    """By type, in words."""
    found = status([("", "a", server(stream(hosts=subscription)))])

    assert found.envoys[0].state == state
    assert [*found.envoys[0].refuses, *found.envoys[0].behind] == [detail]
    assert found.exit_code == int(state == "refuses")


def test_a_process_that_is_not_synced_is_exit_code_1() -> None:
    """It serves what it has; but that may be old."""
    found = status([("", "a", server(synced=False))])

    assert (found.exit_code, found.processes[0].synced) == (1, False)


def test_a_process_that_does_not_answer_is_exit_code_3() -> None:
    """The others are shown."""
    found = status([("watcher", "unix:/w", WATCHER), ("xds-server", "unix:/x", None)])

    assert found.exit_code == 3
    assert columns(found.rows()[0])[2] == "xds-server  no answer  nobody answers at unix:/x"


def test_no_line_is_longer_than_100_columns() -> None:
    """Long words are broken too."""
    refused = {f"r/{'x' * 300}": "because " * 60}

    assert max(map(len, lines(server(stream(hosts={"refused": refused}))))) <= WIDTH


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--debug", "nowhere"], 2, "isoline: --debug nowhere: expected unix:PATH or host:port"),
        (["--debug", "a:1", "--run-dir", "b"], 2, "isoline: give one of --run-dir and --debug"),
        (["--run-dir", "nowhere"], 2, "isoline: --run-dir nowhere: no isoline up runs there"),
    ],
)
def test_wrong_usage_is_exit_code_2(isoline: Isoline, words: list[str], code: int, said: str) -> None:
    """In one line."""
    program = isoline("status", *words)

    assert (program.exit_code(), program.stderr) == (code, [said])


def test_nobody_at_the_address_is_exit_code_3(isoline: Isoline) -> None:
    """Shown in the table, like any other process."""
    program = isoline("status", "--debug", "unix:/nowhere", "--debug", "127.0.0.1:1")

    assert program.exit_code() == 3
    assert program.stdout[1:] == [
        "?        no answer  nobody answers at unix:/nowhere",
        "?        no answer  nobody answers at 127.0.0.1:1",
    ]


def test_a_variable_yields_to_a_flag(isoline: Isoline) -> None:
    """ISOLINE_DEBUG is a process's too."""
    program = isoline("status", "--run-dir", "nowhere", env={"ISOLINE_DEBUG": "unix:/nowhere"})

    assert program.stderr == ["isoline: --run-dir nowhere: no isoline up runs there"]


@pytest.mark.parametrize("socket_name", ["xds", "watcher.debug", "xds-server.debug"])
def test_a_run_is_found_by_any_process_that_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, socket_name: str
) -> None:
    """`isoline status` says which one is down; so it must not need that one."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "isoline-ended").mkdir()
    run = tmp_path / "isoline-a"
    run.mkdir()

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(run / socket_name))
        listening.listen()

        assert running.run_dir(None, "x").path == run
        assert running.run_dir(str(run), "x").path == run


@pytest.mark.envoy
@pytest.mark.process
def test_a_running_system_is_shown_with_its_envoy(
    isoline: Isoline, folder: Folder, backend: Callable[..., Backend]
) -> None:
    """By its run directory; each process's --debug says the same."""
    folder.write("web.yaml", ingress("web", rule("x.com", path("/", "a"))), *served("a", backend("a")))
    with Up(folder.root) as up:
        found = isoline("status", "--run-dir", up.run_dir, "-o", "json")
        debug = [f"unix:{up.run_dir}/{role}.debug" for role in ("watcher", "translator", "xds-server")]
        again = isoline("status", *(word for each in debug for word in ("--debug", each)), "-o", "json")
        explained = isoline("explain", "http://x.com/", "--run-dir", up.run_dir)

    shown, same = (json.loads("\n".join(program.stdout)) for program in (found, again))
    assert (found.exit_code(), again.exit_code()) == (0, 0)
    assert [each["role"] for each in shown["processes"]] == ["watcher", "translator", "xds-server"]
    assert [each["synced"] for each in shown["processes"]] == [True, True, True]
    assert [each["state"] for each in shown["envoys"]] == ["up to date"]
    assert shown["envoys"][0]["holds"] == same["envoys"][0]["holds"]
    assert shown["envoys"][0]["holds"]["hosts"] == 1
    assert explained.stdout[-1] == "  answer    forwarded to default/a/80"
