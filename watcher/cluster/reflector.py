"""The core of one list and watch: which objects an API server has, whatever happens on the way.

Requests come out, answers and failures go in. A list is taken whole or not at all, and by difference: what
stays was never gone. Source:
https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import math
from collections.abc import Callable, Mapping
from typing import Final, Literal

from watcher.cluster import line
from watcher.cluster.backoff import FIRST_SECONDS, Backoff
from watcher.cluster.draft import Draft
from watcher.cluster.line import BrokenError, Line
from watcher.cluster.objects import Fact, Objects
from watcher.cluster.question import Question
from watcher.cluster.source import Source
from watcher.cluster.streaming import Streaming

# The server ends a watch after five to ten minutes (client-go's minWatchTimeout); later than that, and a
# little, it is the network that has not told us.
WATCH_SECONDS: Final = 300.0
GRACE_SECONDS: Final = 30.0
LIST_SECONDS: Final = 65.0
# A list that comes as a stream and pauses so long is asked for in pages, and so is one that is not whole
# after LIST_SECONDS: servers before 1.27 never say that it is.
SILENCE_SECONDS: Final = 15.0
# A watch that ends sooner, and without a word, has failed; with a word, the next one waits until then. Else
# we would ask in circles.
SHORT_SECONDS: Final = 1.0
# A list of nothing, where there was something, counts when it has come so often; a cache may have lost its
# content, and a server that has just started may not know each kind yet.
DOUBTS: Final = 3
DOUBT_SECONDS: Final = 1.0
# Of a cache that has seen nothing yet: not what a list is of, nor what a watch starts from.
NO_VERSIONS: Final = frozenset({"", "0"})
# Refusals of a watch after which its version is no longer trusted.
PATIENCE: Final = 5
# So often, at most, it is asked whether a kind is there by now.
MISSING_SECONDS: Final = 30.0
# A server says when to come back; not for longer than this.
MAX_RETRY_AFTER: Final = 60.0
# That others are answered makes us ask sooner, but so often at most: a server may answer every second
# request.
HURRY_SECONDS: Final = 5.0

FORBIDDEN, NOT_FOUND, GONE = 403, 404, 410
# How a server answers that does not offer lists as streams: Bad Request, Unprocessable Entity.
NOT_OFFERED: Final = (400, 422)

EVENTS: Final = frozenset({"ADDED", "MODIFIED", "DELETED", "BOOKMARK"})

State = Literal["listing", "watching", "failing", "forbidden", "missing"]


class Reflector:
    """One source. `now` is any clock that only goes forward, in seconds; `chance` gives numbers from 0 to
    below 1.

    `known`: its objects have been seen whole, or the cluster has no such kind. `current`: nothing has been
    missed since. `trouble` says in words why not, `status` is that of an answer which says so, else 0;
    `lists` is how many lists were begun.
    """

    def __init__(self, source: Source, chance: Callable[[], float], fact: Fact | None = None) -> None:
        self.source = source
        self.objects = Objects(source.kind, source.name, fact)
        self.state: State = "listing"
        self.trouble = ""
        self.status = 0
        self.known = False
        self.lists = 0
        self.due = 0.0
        """When to ask."""
        self._chance = chance
        self._backoff = Backoff(chance)
        self._expiries = Backoff(chance)  # apart: what expired in a long outage is listed soon after it
        self._version = ""  # to watch from; empty when all must be listed
        self._draft: Draft | None = None
        self._streaming = Streaming()
        self._lines = line.Splitter()
        self._asked = 0.0
        self._opened = math.inf  # not yet
        self._heard = 0.0
        self._silent = True  # the stream so far
        self._refusals = 0
        self._doubts = 0
        self._allowed = 0.0  # to ask, by the server's word
        self._hurried = -math.inf

    @property
    def current(self) -> bool:
        """Whether all is known up to now."""
        return self.state in {"watching", "missing"}

    @property
    def _streams(self) -> bool:
        """Whether a list is under way as a stream."""
        return self._draft is not None and self._draft.stream

    @property
    def patience(self) -> float | None:
        """By when a list that comes as a stream has to say more; None for a watch, which may be silent."""
        if not self._streams:
            return None
        return min(self._heard + SILENCE_SECONDS, self._asked + LIST_SECONDS)

    def question(self, now: float) -> Question | None:
        """What to ask now, None before `due`. Its answer or failure comes before the next call."""
        if now < self.due:
            return None
        if self._version:
            return self._watch(now, {"resourceVersion": self._version})
        if self._draft is None:
            # One that is doubted is asked for in the other way.
            self._draft = Draft(self.objects, stream=self._streaming.offered(now) and not self._doubts)
            self.lists += 1
        if self._draft.stream:
            return self._watch(now, {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"})
        query = {**self.source.selector, **self._draft.query}
        return Question(self.source.path, query, watch=False, seconds=LIST_SECONDS)

    def opened(self, now: float) -> None:
        """A stream begins, with status 200."""
        self._opened = self._heard = now
        if self._draft is None:
            self._watching()
        else:
            self._allow()

    def feed(self, piece: bytes, now: float) -> bool:
        """Takes a piece of a stream; whether to read on."""
        self._heard = now
        try:
            for text in self._lines.feed(piece):
                if text and not self._take(line.read(text), now):
                    return False
        except BrokenError as error:
            self._fail(now, f"the server sent {error}", relist=True)
            return False
        return True

    def ended(self, now: float) -> None:
        """A stream has ended as streams do."""
        if self._draft is not None:
            self._streaming.refused(now)
            self._fail(now, "the list ended before it was whole", relist=True)
        elif self._silent and now - self._opened < SHORT_SECONDS:
            self._refuse(now, "the watch ended at once")
        else:
            self.due = max(now, self._opened + SHORT_SECONDS)

    def page(self, body: bytes, now: float) -> None:
        """Takes a page of a list, with status 200."""
        draft = self._draft or Draft(self.objects)
        self._refusals = 0
        self._allow()
        try:
            page = line.page(body)
        except BrokenError as error:
            self._fail(now, f"the server sent {error}", relist=True)
            return
        draft.add(page.items)
        draft.token = page.token
        if not page.token:
            self._replace(draft, page.version, now)

    def refused(self, status: int, message: str, retry_after: float | None, now: float) -> None:
        """The answer has another status than 200; `message` is the server's."""
        told = f"{status}: {message}" if message else f"HTTP status {status}"
        if status == GONE:
            self._expired(now, told)
        elif status in NOT_OFFERED and self._draft is not None and self._draft.stream:
            self._streaming.refused(now)
            self._draft.stream, self.due = False, now
        elif status == FORBIDDEN:
            self._fail(now, told, "forbidden")
        elif status == NOT_FOUND and self.source.custom:
            self._missing(now)
        else:
            self._refuse(now, told)
        self.status = status
        if retry_after is not None:
            self._allowed = now + min(retry_after, MAX_RETRY_AFTER)
            self.due = max(self.due, self._allowed)

    def lost(self, reason: str, now: float) -> None:
        """No answer, or one that broke off. What was heard of a watch counts, and so do whole pages."""
        if self._draft is None and now - self._opened >= SHORT_SECONDS:
            self._backoff = Backoff(self._chance)  # it worked; proxies end what is silent
        if self._streams and self._opened < math.inf:
            self._streaming.cut(now)
        self._fail(now, reason, relist=self._streams)

    def late(self, now: float) -> None:
        """Nothing has come for too long."""
        if self._streams:
            if self._opened < math.inf:
                self._streaming.refused(now)
            else:  # there is no list yet: credentials may be waited for, or the server be busy
                self._streaming.cut(now)
            self._fail(now, "the list did not become whole in time", relist=True)
        else:
            self._fail(now, "the answer did not end in time")

    def hurry(self, now: float) -> bool:
        """Another source is well again; soon we ask, too. Whether that makes a difference."""
        if self.state != "failing" or now - self._hurried < HURRY_SECONDS:
            return False
        self._hurried = now
        self.due = max(self._allowed, min(self.due, now + FIRST_SECONDS * self._chance()))
        return True

    def _watch(self, now: float, listed: Mapping[str, str]) -> Question:
        self._lines, self._silent = line.Splitter(), True
        self._asked = self._heard = now
        self._opened = math.inf
        seconds = int(WATCH_SECONDS * (1 + self._chance()))
        query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds), **listed}
        query.update(self.source.selector)
        return Question(self.source.path, query, watch=True, seconds=seconds + GRACE_SECONDS)

    def _take(self, found: Line, now: float) -> bool:
        """One line; whether to read on."""
        self._silent = False
        self._refusals = 0
        if found.type == "ERROR":
            if found.code == GONE:
                self._expired(now, found.message)
            else:
                self._fail(now, f"{found.code}: {found.message}", relist=True)
            return False
        if found.type not in EVENTS:
            raise BrokenError(f"an event of unknown type {found.type!r}")
        if self._draft is not None:
            return not self._draft.take(found) or self._replace(self._draft, found.version, now)
        if found.type != "BOOKMARK" and (entry := self.objects.entry(found.object)) is not None:
            (self.objects.delete if found.type == "DELETED" else self.objects.put)(entry)
        self._version = found.version or self._version
        return True

    def _replace(self, draft: Draft, version: str, now: float) -> bool:
        """Takes a whole list; whether it is believed."""
        self._draft = None
        if version in NO_VERSIONS:
            self._fail(
                now, f"the list has version {version!r}, which nothing can be watched from", relist=True
            )
            return False
        if not draft.entries and self._doubt(now, "the list is empty"):
            return False
        self.objects.replace(draft.entries.values())
        self.known, self._doubts, self._version = True, 0, version
        self._streaming.whole()
        self._watching()
        return True

    def _doubt(self, now: float, told: str) -> bool:
        """That there is nothing; whether it is too early to believe it."""
        if not len(self.objects) or self._doubts + 1 >= DOUBTS:
            return False
        self._doubts += 1
        self.state, self.trouble = "listing", f"{told}, and there were {len(self.objects)} objects"
        self.due = now + DOUBT_SECONDS
        return True

    def _watching(self) -> None:
        self.state, self.trouble, self.status = "watching", "", 0

    def _allow(self) -> None:
        """The server answers what it had forbidden."""
        if self.state == "forbidden":
            self.state, self.trouble = "listing", ""

    def _missing(self, now: float) -> None:
        """The cluster has no such kind, so it has no such objects."""
        self._version, self._draft = "", None
        if self._doubt(now, "the cluster has no such kind"):
            return
        self.objects.replace(())
        self.state, self.trouble, self.known = "missing", "the cluster has no such kind", True
        self._doubts = 0
        self.due = now + MISSING_SECONDS * (0.5 + 0.5 * self._chance())

    def _expired(self, now: float, told: str) -> None:
        """The version is too old, or the next page's token: all is listed anew, when it was in pages in
        one.
        """
        in_pages = self._draft is not None and not self._draft.stream
        self.state, self.trouble = "listing", told
        self.due = self._expiries.failed(now)
        self._version, self._draft = "", Draft(self.objects, limit=0) if in_pages else None

    def _refuse(self, now: float, told: str) -> None:
        """A status that may pass; when it does not, the version may be at fault."""
        self._refusals += 1
        self._fail(now, told, relist=self._refusals >= PATIENCE)

    def _fail(self, now: float, told: str, state: State = "failing", *, relist: bool = False) -> None:
        if self.state != "forbidden" or state != "failing":  # an outage says nothing about rights
            self.state, self.trouble, self.status = state, told, 0
        self.due = self._backoff.failed(now)
        if relist:
            self._version, self._draft = "", None
