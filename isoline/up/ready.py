"""When all has started: the first answer, not the first process."""

import asyncio
from collections.abc import Callable

from isoline.up import ports, unix_http
from isoline.up.run_dir import ROLES, RunDir
from isoline.up.settings import Settings

EVERY_SECONDS = 0.05
# After this long its user is told what is waited for.
PATIENCE_SECONDS = 10.0
CONNECT_SECONDS = 1.0
OK = 200


async def wait(settings: Settings, run_dir: RunDir, say: Callable[[str], None]) -> str:
    """Waits until Envoy answers, or the xDS server when there is no Envoy; the line that says so."""
    clock = asyncio.get_running_loop().time
    patience = clock() + PATIENCE_SECONDS
    while not await _answers(settings, run_dir):
        if clock() > patience:
            say(f"still waiting for {await _missing(run_dir)}")
            patience = clock() + PATIENCE_SECONDS
        await asyncio.sleep(EVERY_SECONDS)
    if settings.envoy is None:
        return f"ready xds={settings.xds_listen or f'unix:{run_dir.xds}'}"
    at = ports.shown(settings.listen)
    return f"ready http={at}:{settings.http_port} https={at}:{settings.https_port}"


async def _answers(settings: Settings, run_dir: RunDir) -> bool:
    """Envoy is live when it has every cluster, listener and route of the first answers (initial_fetch_timeout
    is none), and then starts to listen.
    """
    try:
        if settings.envoy is None:
            return (await unix_http.get(run_dir.probe("xds-server"), "/readyz"))[0] == OK
        if (await unix_http.get(run_dir.admin, "/ready"))[0] != OK:
            return False
    except OSError:
        return False
    served = (settings.http_port, settings.https_port, settings.stats_port)
    return all([await _listens(settings.listen, port) for port in served])


async def _missing(run_dir: RunDir) -> str:
    """What is not ready yet, and why."""
    for role in ROLES:
        try:
            status, reason = await unix_http.get(run_dir.probe(role), "/readyz")
        except OSError:
            return f"{role}, which has not started"
        if status != OK:
            return f"{role}: {reason.strip()}"
    return "Envoy"


async def _listens(address: str, port: int) -> bool:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    return True
