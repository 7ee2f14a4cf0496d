"""Changes while requests run: no request notices."""

from collections.abc import Callable

import pytest

from tests.faults.conftest import HOST
from tests.support.background import Background
from tests.support.load import Load
from tests.support.manifest import Folder, ingress, path, rule
from tests.support.up import Up

pytestmark = [pytest.mark.envoy, pytest.mark.process, pytest.mark.timeout(300)]

Shop = Callable[[str], None]


def test_fifty_one_backend_switches_lose_no_request(up: Up, shop: Shop, background: Background) -> None:
    """Slow responses, HTTP/2, a WebSocket and retries among them. All begin at `a`; the last switch leads to
    `b`, where a WebSocket arrives with its next connection: after 20 messages at most.
    """
    with Load(background, up.url, HOST) as load:
        load.more(1)
        for number in range(51):
            name = "ba"[number % 2]
            shop(name)
            up.becomes(name, HOST)
        load.more(25)

    assert load.failures == []
    assert {answer.backend for answer in load.answers if answer.client == "websocket"} == {"a", "b"}
    assert up.admin.rejected() == {}


def test_a_hundred_edits_without_a_pause_end_in_the_last(up: Up, shop: Shop, background: Background) -> None:
    """What comes faster than it can be sent is coalesced; the newest state is what counts."""
    with Load(background, up.url, HOST) as load:
        for number in range(100):
            shop("ba"[number % 2])
        shop("b")
        up.becomes("b", HOST)
        load.more()

    assert load.failures == []


def test_hosts_that_come_and_go_do_not_touch_their_neighbour(
    up: Up, folder: Folder, background: Background
) -> None:
    """Thirty new hosts and their removal, one file each."""
    with Load(background, up.url, HOST) as load:
        for number in range(30):
            folder.write(
                f"{number}.yaml", ingress(f"new-{number}", rule(f"{number}.example.com", path("/", "b")))
            )
        up.becomes("b", "29.example.com")
        for number in range(30):
            folder.remove(f"{number}.yaml")
        up.becomes("404", "0.example.com")

    assert load.failures == []
