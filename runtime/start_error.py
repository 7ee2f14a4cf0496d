"""The refusal to start, apart from what starts: a tool that says it needs no event loop and no log."""


class StartError(Exception):
    """What keeps a process from starting, in one line for its user: a port in use, an address refused."""
