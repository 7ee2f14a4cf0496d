"""What keeps Envoy from its ports is found before it starts, and the flag that helps is named."""

import socket
from unittest import mock

import pytest

from isoline.mistake import Mistake
from isoline.up.ports import demand_distinct, demand_free, demand_ip
from runtime.start_error import StartError
from tests.support.port import free_port


@pytest.mark.parametrize("option", [socket.SO_REUSEADDR, socket.SO_REUSEPORT], ids=["alone", "shared"])
@pytest.mark.parametrize("held", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - as another program does
def test_a_port_in_use_names_its_flag_and_variable(option: int, held: str) -> None:
    """Shared with SO_REUSEPORT, as another Envoy's, or not."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, option, 1)
        holder.bind((held, 0))
        holder.listen()
        port = holder.getsockname()[1]

        with pytest.raises(StartError) as refused:
            demand_free("127.0.0.1", {"--http-port": port})

    told = "is in use; choose another with --http-port or ISOLINE_HTTP_PORT"
    assert str(refused.value) == f"port {port} of 127.0.0.1 {told}"


def test_a_port_whose_last_connections_are_not_quite_over_is_free() -> None:
    """TIME_WAIT on our side: the next run need not wait a minute."""
    port = free_port()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        with socket.create_connection(("127.0.0.1", port)) as client:
            listener.accept()[0].close()
            assert client.recv(1) == b""

    demand_free("127.0.0.1", {"--http-port": port})


def test_a_port_of_root_is_refused() -> None:
    """To everybody else."""
    with (
        mock.patch.object(socket.socket, "bind", side_effect=PermissionError(13, "Permission denied")),
        pytest.raises(StartError, match=r"port 80 needs the rights of root; choose another .*, from 1024"),
    ):
        demand_free("127.0.0.1", {"--http-port": 80})


def test_an_address_of_another_machine_is_refused() -> None:
    """203.0.113.0/24 is nobody's (RFC 5737)."""
    with pytest.raises(StartError, match=r"this machine has no address 203\.0\.113\.1; name one"):
        demand_free("203.0.113.1", {"--http-port": free_port()})


def test_the_same_port_twice_is_wrong_usage() -> None:
    """Both flags are named."""
    with pytest.raises(Mistake, match="--http-port and --stats-port are both 80"):
        demand_distinct({"--http-port": 80, "--https-port": 443, "--stats-port": 80})


def test_a_name_is_no_address_to_listen_at() -> None:
    """Envoy takes IP addresses."""
    demand_ip("::1")
    with pytest.raises(Mistake, match="--listen localhost: expected an IP address"):
        demand_ip("localhost")
