"""The parts of `isoline up`: its children, and what it says of them."""

import asyncio
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from isoline import output
from isoline.kubeconfig import Kubeconfig
from isoline.place import Places
from isoline.up import reach, ready, telling
from isoline.up.child import Child, Family
from isoline.up.roles import children
from isoline.up.run_dir import RunDir
from isoline.up.settings import Settings
from runtime.link.link_replica import LinkReplica
from runtime.link.row import Change
from runtime.workgroup import Workgroup

# Envoy writes a line for each request; the file begins anew when it is this large.
MAX_ACCESS_LOG = 64 * 1024 * 1024
ACCESS_LOG_SECONDS = 5.0


def wire(
    settings: Settings,
    run_dir: RunDir,
    group: Workgroup,
    *,
    before: Sequence[Child] = (),
    after: Callable[[], Iterable[str]] = tuple,
) -> None:
    """Adds the parts. `before` are children that are started too; `after` gives lines that follow `ready` on
    stdout.
    """
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, group.stop)  # the terminal is closed
    family = Family([*before, *children(settings, run_dir)], output.say)
    group.add("children", family.run)
    _follow(
        group, run_dir.resources, "statuses", telling.Problems(_places(settings), colours=_colours()).apply
    )
    _follow(group, run_dir.rejections, "rejections", telling.Rejections().apply)
    _follow(group, run_dir.rejections, "deliveries", telling.deliveries)
    group.add("ready", partial(_say_ready, settings, run_dir, family, after))
    if settings.envoy is not None:
        group.add("access log", partial(_bound_access_log, run_dir))


def _colours() -> bool:
    return output.coloured(on_stderr=True)


def _places(settings: Settings) -> Places:
    def read(path: str) -> bytes | None:
        if not isinstance(settings.source, Path):
            return None
        try:
            return (settings.source / path).read_bytes()
        except OSError:
            return None

    return Places(read)


def _follow(group: Workgroup, address: str, table: str, lines: Callable[[Change], Iterator[str]]) -> None:
    """A replica of a table, and what is said of its changes."""
    replica = LinkReplica(address, table)

    async def tell() -> None:
        while True:
            await replica.changed()
            for line in lines(replica.take()):
                output.say(line)
                await asyncio.sleep(0)  # a thousand problems at once take seconds to look up

    group.add(table, replica.run)
    group.add(f"lines of {table}", tell)


async def _say_ready(
    settings: Settings, run_dir: RunDir, family: Family, after: Callable[[], Iterable[str]]
) -> None:
    line = await ready.wait(settings, run_dir, output.say)
    family.settled()
    if settings.envoy is not None:
        output.say(f"requests are logged in {run_dir.access_log}")
    output.result("".join(f"{each}\n" for each in (line, *after())))
    if isinstance(settings.source, Kubeconfig) and settings.envoy is not None:
        await reach.tell(run_dir.resources, output.say)
    await asyncio.Event().wait()


async def _bound_access_log(run_dir: RunDir) -> None:
    while True:
        await asyncio.sleep(ACCESS_LOG_SECONDS)
        if run_dir.access_log.exists() and run_dir.access_log.stat().st_size > MAX_ACCESS_LOG:
            with run_dir.access_log.open("r+b") as log:
                log.truncate()
