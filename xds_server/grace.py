"""How long what is gone stays with one peer."""


class Grace:
    """A cluster outlives its last route by `seconds`: requests under way are answered, retries included (O5).

    One timer for a stream: what is removed while it runs waits for the next. `passed` is the revision up to
    which removals may be sent.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = 0
        self.due: float | None = None
        self._seconds = seconds
        self._target = 0

    def until(self, wanted: int, acknowledged: int, now: float) -> int:
        """`passed`, brought up to date. `wanted` is the newest removal that waits; `acknowledged` that of
        the peer's routes.
        """
        if not wanted:
            self.due = None
        if self.due is None and wanted > self.passed and acknowledged >= wanted:
            self.due, self._target = now + self._seconds, wanted
        if self.due is not None and now >= self.due:
            self.due = None
            if acknowledged >= self._target:  # still: a peer may have asked for more routes meanwhile
                self.passed = self._target
        return self.passed
