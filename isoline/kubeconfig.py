"""A cluster as it is named on a command line: by a kubeconfig, a context of it, and namespaces."""

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from isoline import flag
from isoline.mistake import Mistake
from runtime.start_error import StartError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from isoline.objects import Objects
    from watcher.cluster.access import Access

T = TypeVar("T")
TERMINATED = 128 + signal.SIGTERM  # the exit code of a program that SIGTERM ends, as a shell has it


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """`context` is None for the current one; without `namespaces` all are read."""

    path: str
    context: str | None = None
    namespaces: tuple[str, ...] = ()

    @classmethod
    def taken(cls, flags: dict[str, Any], *, wanted: bool) -> "Kubeconfig | None":
        """From the flags of a cluster, which are taken out of `flags`; None unless it is wanted. Raises
        Mistake for flags that it would need.
        """
        found = cls(flags.pop("kubeconfig") or "", flags.pop("context"), flags.pop("watch_namespace"))
        if not wanted:
            flag.demand_absent(*flag.OF_CLUSTERS, why="is for a cluster: it needs --kubeconfig")
        return found if wanted else None

    def access(self) -> "Access":
        """Raises Mistake for a file that is no kubeconfig, or lacks what is asked of it."""
        from watcher.cluster.access import Access  # noqa: PLC0415 - a second of imports, here and below

        try:
            return Access.of_kubeconfig(self.path, self.context)
        except StartError as error:
            raise Mistake(str(error)) from None

    def demand_credentials(self) -> None:
        """Finds out who we are, which may run a plugin of the kubeconfig. Raises Mistake and StartError."""
        from watcher.cluster.access_error import AccessError  # noqa: PLC0415

        access = self.access()

        async def found_out() -> None:
            try:
                await access.credentials()
            finally:  # else a plugin that is just being started is cut off from what would end it
                await access.close()

        try:
            _run(found_out())
        except AccessError as error:
            raise StartError(f"{access.origin}: {error}") from None

    def read(self) -> "Objects":
        """What the cluster holds now. Raises Mistake, and StartError when it cannot be read."""
        from isoline.objects import Objects  # noqa: PLC0415
        from runtime import log  # noqa: PLC0415
        from watcher.cluster.fetch import FetchError, fetch  # noqa: PLC0415

        log.configure("error", "fetch")  # what goes wrong is told by the error
        access = self.access()
        try:
            rows = _run(fetch(access, self.namespaces))
        except FetchError as error:
            raise StartError(f"{access.origin}: {error}") from None
        return Objects(rows, "in the cluster")


def _run(asking: "Coroutine[Any, Any, T]") -> T:
    """Its result. SIGTERM ends it in order, as Ctrl-C does: at once, a plugin of the kubeconfig would be left
    behind. Raises SystemExit then.
    """
    import asyncio  # noqa: PLC0415

    async def unless_terminated() -> T:
        task = asyncio.create_task(asking)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    try:
        return asyncio.run(unless_terminated())
    except asyncio.CancelledError:
        raise SystemExit(TERMINATED) from None
