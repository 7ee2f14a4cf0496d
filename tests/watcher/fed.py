"""A folder's core that is fed by texts, and the table as a replica of it holds it."""

from collections.abc import Mapping

from runtime.link.row import Row
from tests.watcher.table import objects, problems
from watcher.files.folder import Batch, Folder
from watcher.files.manifests import parse


class Fed:
    """`now` is moved by `later` alone."""

    def __init__(self) -> None:
        self.folder = Folder()
        self.now = 0.0
        self.table = dict[str, Row]()
        self.held: frozenset[str] = frozenset()

    def write(self, files: Mapping[str, str | None]) -> Batch:
        """Files at once, each with its new text; None deletes one."""
        manifests = {
            path: None if text is None else parse(path, text.encode()) for path, text in files.items()
        }
        return self.take(self.folder.apply(manifests, self.now))

    def later(self, seconds: float = 1.0) -> Batch:
        """By default long enough for everything to settle."""
        self.now += seconds
        return self.take(self.folder.settle(self.now))

    def take(self, batch: Batch) -> Batch:
        self.table.update(batch.puts)
        for key in batch.deletes:
            del self.table[key]
        self.held = batch.held
        return batch

    @property
    def objects(self) -> dict[str, str]:
        return objects(self.table)

    @property
    def problems(self) -> list[str]:
        return problems(self.table)
