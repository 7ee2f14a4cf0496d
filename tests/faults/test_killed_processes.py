"""Any process may be killed at any time; the others keep what they have and keep serving."""

import contextlib
import signal
from collections.abc import Callable

import psutil
import pytest

from tests.faults.conftest import HOST
from tests.support.background import Background
from tests.support.deadline import wait_until
from tests.support.load import Load
from tests.support.manifest import Folder, endpoints, ingress, path, rule, service
from tests.support.up import ROLES, Up

pytestmark = [pytest.mark.envoy, pytest.mark.process, pytest.mark.timeout(300)]

Shop = Callable[[str], None]


@pytest.mark.parametrize("roles", [*((role,) for role in ROLES), ROLES], ids=" ".join)
def test_no_request_fails_while_processes_are_killed_and_the_next_edit_works(
    up: Up, shop: Shop, background: Background, roles: tuple[str, ...]
) -> None:
    """Kill -9, each alone and all at once, with requests of every kind going on."""
    with Load(background, up.url, HOST) as load:
        load.more()
        up.kill(*roles)
        load.more()
        shop("b")
        up.becomes("b", HOST)
        load.more()

    assert load.failures == []
    assert up.admin.rejected() == {}


@pytest.mark.parametrize("role", ROLES)
def test_an_edit_made_while_a_process_is_down_is_served_afterwards(up: Up, shop: Shop, role: str) -> None:
    """The process that comes back starts from what is true then."""
    up.process(role).kill()
    shop("b")

    up.becomes("b", HOST)


@pytest.mark.parametrize("role", ROLES)
def test_a_process_that_hangs_holds_nothing_but_news_back(
    up: Up, shop: Shop, background: Background, role: str
) -> None:
    """SIGSTOP for longer than heartbeats are missed; all goes on when it wakes up or is replaced."""
    process = up.process(role)
    with Load(background, up.url, HOST) as load:
        process.suspend()
        shop("b")
        load.more(20)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()
        up.becomes("b", HOST)

    assert load.failures == []


def test_a_translator_killed_during_its_first_table_loses_nothing(folder: Folder) -> None:
    """An Envoy is told of all hosts, however often the first attempt was cut short."""
    names = [f"host-{number}" for number in range(1_000)]
    ingresses = [ingress(name, rule(f"{name}.example.com", path("/", "a"))) for name in names]
    folder.write("many.yaml", *ingresses, service("a"), endpoints("a", 9))
    with Up(folder.root) as up:
        for _ in range(3):
            up.kill("translator")

        wait_until(lambda: len(up.admin.hosts()) == 1_000, "all hosts in Envoy", of=[up.program])
        assert up.admin.rejected() == {}


def test_a_killed_envoy_is_started_again(up: Up, shop: Shop) -> None:
    """With all that it had, and it takes the next edit."""
    up.kill("envoy")
    up.becomes("a", HOST)

    shop("b")

    up.becomes("b", HOST)


def test_children_end_with_a_killed_up_and_the_next_run_takes_over(up: Up, shop: Shop) -> None:
    """Kill -9 of `isoline up`: no orphan keeps a port; stale locks and sockets do not matter."""
    family = up.program.family()
    assert len(family) >= 4

    up.program.kill()

    wait_until(lambda: not any(child.is_running() for child in family), "all children end")
    assert not up.listens()
    up.start()
    shop("b")
    up.becomes("b", HOST)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_everything_and_leaves_nothing_behind(up: Up, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C: exit code 0, no process, no port, no socket in the run directory."""
    family = up.program.family()

    up.program.popen.send_signal(number)

    assert up.program.exit_code() == 0, up.program
    assert [child for child in family if child.is_running()] == []
    assert not up.listens()
    assert [path for path in up.run_dir.rglob("*") if path.is_socket()] == []
    assert not any("Traceback" in line for line in up.program.stderr), up.program
