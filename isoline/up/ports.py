"""Whether Envoy can have its ports: it shares them with other Envoys (SO_REUSEPORT) and would not notice."""

import errno
import ipaddress
import socket
from collections.abc import Mapping

from isoline.mistake import Mistake
from runtime.start_error import StartError


def shown(ip: str) -> str:
    """An address as it stands before a port."""
    return f"[{ip}]" if ":" in ip else ip


def demand_distinct(ports: Mapping[str, int]) -> None:
    """`ports` by flag. Raises Mistake when two are one."""
    by_port: dict[int, str] = {}
    for flag, port in ports.items():
        if port in by_port:
            raise Mistake(f"{by_port[port]} and {flag} are both {port}; give each a port of its own")
        by_port[port] = flag


def demand_ip(address: str) -> None:
    """Raises Mistake when `--listen` is no IP address."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise Mistake(f"--listen {address}: expected an IP address, such as 127.0.0.1 or 0.0.0.0") from None


def demand_free(address: str, ports: Mapping[str, int]) -> None:
    """Binds each port as nobody else may, for a moment. Raises StartError, which names the flag."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for flag, port in ports.items():
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Connections of an earlier run that are not quite over (TIME_WAIT) hinder nobody.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
                probe.listen(1)
            except OSError as error:
                raise StartError(_reason(address, flag, port, error)) from error


def _reason(address: str, flag: str, port: int, error: OSError) -> str:
    other = f"choose another with {flag} or {_variable(flag)}"
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} of {address} is in use; {other}"
        case errno.EACCES:
            return f"port {port} needs the rights of root; {other}, from 1024"
        case errno.EADDRNOTAVAIL:
            return f"this machine has no address {address}; name one with --listen or {_variable('--listen')}"
        case _:
            return f"port {port} of {address}: {error.strerror or error}; {other}"


def _variable(flag: str) -> str:
    return f"ISOLINE_{flag.removeprefix('--').replace('-', '_').upper()}"
