"""What the suites lean on notices what it is there to notice."""

import sys
from collections.abc import Callable

import pytest

from tests.support.backend import Backend
from tests.support.background import Background
from tests.support.deadline import EndedError, wait_until
from tests.support.load import Load
from tests.support.port import free_port
from tests.support.program import Program

StartBackend = Callable[..., Backend]


def test_load_keeps_every_answer_that_is_no_200(background: Background, backend: StartBackend) -> None:
    """Asked without a gateway, the first try of each `flaky` request is the 503 that it gives."""
    server = backend("a")
    with Load(background, f"http://127.0.0.1:{server.port}", "x", kinds=("http1", "slow", "flaky")) as load:
        load.more(3)

    assert {(answer.client, answer.status) for answer in load.failures} == {("flaky", 503)}
    assert {answer.backend for answer in load.answers} == {"a"}


@pytest.mark.parametrize("kind", ["http1", "http2", "websocket"])
def test_load_keeps_what_gets_no_answer_at_all(background: Background, kind: str) -> None:
    """As status 0 with the reason."""
    with Load(background, f"http://127.0.0.1:{free_port()}", "x", kinds=(kind,)) as load:
        load.more(2)

    assert {(answer.client, answer.status) for answer in load.answers} == {(kind, 0)}
    assert all(answer.error for answer in load.answers)


def test_websockets_and_h2c_reach_a_backend(background: Background, backend: StartBackend) -> None:
    """So that a failure behind Envoy is Envoy's, or ours."""
    plain, h2c = backend("plain"), backend("h2c", h2c=True)
    with (
        Load(background, f"http://127.0.0.1:{plain.port}", "x", kinds=("websocket",)) as one,
        Load(background, f"http://127.0.0.1:{h2c.port}", "x", kinds=("http2",)) as two,
    ):
        one.more(25)
        two.more()

    assert one.failures == two.failures == []
    assert {answer.backend for answer in [*one.answers, *two.answers]} == {"plain", "h2c"}


def test_a_program_that_ends_early_is_not_waited_for() -> None:
    """The test fails at once, with what the program said."""
    with Program([sys.executable, "-c", "print('something else')"]) as program:
        with pytest.raises(EndedError, match="something else"):
            program.said("ready")

        assert program.exit_code() == 0


def test_what_a_program_must_run_for_is_not_waited_for_past_its_end() -> None:
    """Nor is what it said and did last missed; one that was ended by us is not blamed."""
    code = "import sys; sys.exit('ModuleNotFoundError')"
    with Program([sys.executable, "-c", code]) as broken, Program([sys.executable, "-c", code]) as killed:
        killed.kill()

        with pytest.raises(
            EndedError, match=r"ended before this: the moon; last seen: 0\n.*exit code 1.*\n  Mod"
        ):
            wait_until(lambda: 0, "the moon", of=[killed, broken])

        wait_until(lambda: broken.stderr == ["ModuleNotFoundError"], "its last words", of=[broken])
        with pytest.raises(AssertionError, match="not within 0 s: the moon"):
            wait_until(lambda: 0, "the moon", seconds=0, of=[killed])


def test_waiting_ends_with_what_was_seen_last() -> None:
    """And with what was waited for."""
    with pytest.raises(AssertionError, match=r"not within 0 s: the moon; last seen: 0"):
        wait_until(lambda: 0, "the moon", seconds=0)
