"""Requests to a fleet of Envoys, and others who try to read what is not for them."""

import asyncio
import os
import socket
import ssl
from pathlib import Path

import httpx

from runtime.link.keys import LinkKeys
from runtime.link.link_replica import LinkReplica
from tests.deploy.plain import FLEET, Plain
from tests.support.admin import Admin
from tests.support.background import Background

# So many connections that each of two Envoys gets some: the kernel deals them out by address and port.
CONNECTIONS = 16
READ_SECONDS = 3.0


def answers(plain: Plain, host: str, path: str = "/") -> set[str]:
    """Who answers on CONNECTIONS new connections: names of backends, else the status."""
    url, found = f"http://{plain.at(FLEET, 8080)}{path}", set()
    for _ in range(CONNECTIONS):
        try:
            answer = httpx.get(url, headers={"host": host}, timeout=30.0, trust_env=False)
        except httpx.TransportError as error:
            raise OSError(repr(error)) from error
        found.add(answer.headers["x-backend"] if answer.status_code == 200 else str(answer.status_code))
    return found


def becomes(plain: Plain, answer: str, host: str, path: str = "/") -> None:
    """Waits until this backend answers on every connection."""
    plain.until(lambda: answers(plain, host, path) == {answer}, f"{host}{path} is answered by {answer}")


def admin(plain: Plain, envoy: str) -> Admin:
    """The admin interface of an Envoy."""
    return Admin(plain.plan.find(envoy).mounts["/run/isoline"] / "admin")


def shows_certificate(address: str, ca: Path, client: Path | None) -> str:
    """Says hello to an xDS server, which is `isoline-xds` by `ca`: the version of TLS, or `turned away`."""
    context = ssl.create_default_context(cafile=str(ca))
    context.set_alpn_protocols(["h2"])
    if client is not None:
        context.load_cert_chain(client / "tls.crt", client / "tls.key")
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=30.0) as plain,
        context.wrap_socket(plain, server_hostname="isoline-xds") as secured,
    ):
        # A server's word on our certificate comes with its first bytes (TLS 1.3): here HTTP/2's settings.
        try:
            secured.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            answer = secured.recv(9)
        except (ssl.SSLError, ConnectionError):
            answer = b""
        return str(secured.version()) if answer else "turned away"


def reads(background: Background, address: str, table: str, keys: LinkKeys | None = None) -> set[str]:
    """The keys of a table as a replica gets it, within a time, which must be spent where it gets none."""

    async def follow() -> set[str]:
        replica = LinkReplica(address, table, "translator", keys)
        running = asyncio.create_task(replica.run())
        try:
            async with asyncio.timeout(READ_SECONDS):
                await replica.changed()
        except TimeoutError:
            return set()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return set(replica.rows)

    return background.run(follow())


def written_outside(plain: Plain) -> set[str]:
    """Files held open for writing, but for those in volumes that may be written."""
    found = set()
    for name, program in plain.programs.items():
        container = plain.plan.find(name)
        writable = [path for target, path in container.mounts.items() if target not in container.read_only]
        for number in Path(f"/proc/{program.pid}/fd").iterdir():
            target = Path(os.readlink(number))  # noqa: PTH115 - pipes and sockets are no paths
            flags = Path(f"/proc/{program.pid}/fdinfo/{number.name}").read_text().split()[3]
            is_written = int(flags, 8) & os.O_ACCMODE != os.O_RDONLY
            if is_written and target.is_file() and not any(target.is_relative_to(path) for path in writable):
                found.add(f"{name}: {target}")
    return found
