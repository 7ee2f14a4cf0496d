"""A folder on this machine, and the notices of what changes in it."""

import contextlib
import errno
from collections.abc import Callable

from watcher import reasons
from watcher.files.folder import FOLDER
from watcher.files.manifests import EMPTY, Manifest
from watcher.files.notices import Notice, Work
from watcher.files.tree import MissingError, Place, Tree
from watcher.files.watch import LIMITS, Watch, WatchError
from watcher.problem import Problem


class Source:
    """Looks into the folder, and sees to it that every change that comes after the look is told.

    `look` blocks: it is for a thread. Made inside the loop in which `tell` is called.
    """

    def __init__(self, root: str, tell: Callable[[Notice, float], None]) -> None:
        self.tree = Tree(root)
        self.polling: str | None = None
        """Why no notices can be had."""
        self._watch = Watch(tell)
        self._identity: tuple[str, int, int] | None = None
        self._uncovered = False  # some folder, when last looked

    def look(self, work: Work | None, written: frozenset[str]) -> dict[str, Manifest | None]:
        """What has changed: where the notices point, or with None anywhere; what is `written` waits.

        With it comes what concerns the folder as a whole. Raises MissingError.
        """
        try:
            found = self._look(work, written)
        except MissingError:
            self._identity = None
            raise
        problem = Problem(reasons.POLLING, self.polling) if self.polling is not None else None
        return {**found, FOLDER: Manifest({}, (problem,)) if problem else EMPTY}

    def close(self) -> None:
        """Ends the notices; blocks too."""
        self._watch.close()

    def _look(self, work: Work | None, written: frozenset[str]) -> dict[str, Manifest | None]:
        identity = self.tree.identity()
        if identity != self._identity:
            # Another folder has its name: nobody tells of what is in it so far.
            self._watch.close()
            self._follow(frozenset({Place(identity[0], deep=True)}))
            self._identity = identity
            work = Work(frozenset(), everywhere=True, written=frozenset(), since=0.0)
        if work is not None and not work.everywhere:
            found = self.tree.read(work.paths)
            if found is not None:
                return found
        found = self.tree.scan(written, steady=work is None)
        if self.tree.places != self._watch.places and self._follow(self.tree.places):
            with contextlib.suppress(MissingError):  # which the next look tells
                found.update(self.tree.scan(written))  # what came before it was watched for
        elif work is None:
            self._check()
        return found

    def _check(self) -> None:
        """Without notices of some folders those of the others are not used. A folder that has just come may
        not be watched yet: the second time counts.
        """
        covered = self.polling is not None or self._watch.covers(self.tree.folders)
        if not covered and self._uncovered:
            self._watch.close()
            self.polling = LIMITS[errno.ENOSPC]
        self._uncovered = not covered

    def _follow(self, places: frozenset[Place]) -> bool:
        try:
            self._watch.follow(places)
        except WatchError as error:
            self.polling = str(error)
            return False
        if self.polling is not None and not self._watch.covers(self.tree.folders):
            self._watch.close()  # no better than the last time
            return False
        self.polling = None
        return True
